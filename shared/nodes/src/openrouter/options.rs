//! The options of a call. Each is one field here: its comment is the documentation, its attributes are its bounds, and
//! it is sent under the same name in OpenRouter's spelling (`topP` as `top_p`).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What a call may set beside its model and its prompts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Options {
    /// The most tokens to generate, reasoning included; 4096 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) max_tokens: Option<u32>,
    /// 0 to 2: how freely the next token is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2))]
    temperature: Option<f64>,
    /// 0 to 1: the share of probability that the next token is chosen from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    top_p: Option<f64>,
    /// How many tokens the next one is chosen from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_295_u32))]
    top_k: Option<u32>,
    /// 0 to 1: the least probability of a token, as a share of the likeliest one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    min_p: Option<f64>,
    /// 0 to 1: as `minP`, less strict where the likeliest token is not sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    top_a: Option<f64>,
    /// -2 to 2: tokens that came often are chosen less.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -2, max = 2))]
    frequency_penalty: Option<f64>,
    /// -2 to 2: tokens that came at all are chosen less.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -2, max = 2))]
    presence_penalty: Option<f64>,
    /// 0 to 2: tokens of the prompt are chosen less.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2))]
    repetition_penalty: Option<f64>,
    /// For answers that repeat, where the model can.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    /// A text, or up to 4, that end the answer.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_several"
    )]
    #[schemars(schema_with = "stop")]
    stop: Vec<String>,
    /// OpenRouter's `response_format`: `{"type": "json_object"}`, or
    /// `{"type": "json_schema", "json_schema": {"name", "schema", "strict"}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "response_format")]
    response_format: Option<Map<String, Value>>,
    /// OpenRouter's `reasoning`: `{"effort": "low"}`, `{"max_tokens": 2000}`, `{"exclude": true}` and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reasoning")]
    reasoning: Option<Map<String, Value>>,
    /// OpenRouter's `provider`: which providers may answer, in which order, at which price.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Provider>,
    /// OpenRouter's `plugins`: objects with an `id`, such as `{"id": "web"}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "plugins")]
    plugins: Vec<Map<String, Value>>,
    /// `["middle-out"]`, or an empty list to switch it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "transforms")]
    transforms: Option<Vec<String>>,
    /// How long the answer is, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["low", "medium", "high", "xhigh", "max"]))]
    verbosity: Option<String>,
    /// The service tier, which sets speed and price.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["auto", "default", "fast", "flex", "priority", "scale", "ultrafast"]))]
    service_tier: Option<String>,
    /// The end user's id; OpenRouter hashes it before a provider sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Groups requests and keeps them with one provider; up to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    session_id: Option<String>,
    /// Up to 16 pairs; keys up to 64 characters, values up to 512.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "metadata")]
    metadata: BTreeMap<String, String>,
}

/// OpenRouter's routing, under its own names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
struct Provider {
    /// Providers to ask, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Vec<String>>,
    /// The only providers to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<Vec<String>>,
    /// Providers not to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore: Option<Vec<String>>,
    /// Whether others are asked where these fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_fallbacks: Option<bool>,
    /// Whether only providers are asked that know every option of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    require_parameters: Option<bool>,
    /// Whether providers are asked that keep what they are sent: `allow` or `deny`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["allow", "deny"]))]
    data_collection: Option<String>,
    /// Whether only providers are asked that keep nothing at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    zdr: Option<bool>,
    /// Whether only models are asked whose answers may train others.
    #[serde(skip_serializing_if = "Option::is_none")]
    enforce_distillable_text: Option<bool>,
    /// The only precisions to ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "quantizations")]
    quantizations: Option<Vec<String>>,
    /// What providers are sorted by: a word, or `{"by", "partition"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "sort")]
    sort: Option<Value>,
    /// Tokens a second that a provider should reach: a number, or an object of percentiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "number_or_percentiles")]
    preferred_min_throughput: Option<Value>,
    /// Seconds to the first token that a provider should keep to: a number, or an object of percentiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "number_or_percentiles")]
    preferred_max_latency: Option<Value>,
    /// USD per million tokens (`prompt`, `completion`) and per request (`request`) that may be charged at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "max_price")]
    max_price: Option<Map<String, Value>>,
    /// Options of single providers, by their names.
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Map<String, Value>>,
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Texts::deserialize(deserializer)? {
        Texts::One(text) => vec![text],
        Texts::Several(texts) => texts,
    })
}

fn stop(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "array"],
        "minLength": 1,
        "items": {"type": "string", "minLength": 1},
        "maxItems": 4,
        "errorMessage": {"type": "must be a text or a list of up to 4, not {kind}"},
    })
}

fn response_format(_: &mut SchemaGenerator) -> Schema {
    let needs_schema = "`json_schema` is required with this type: {name, schema, strict}";
    json_schema!({
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {
                "type": "string",
                "minLength": 1,
                "examples": ["text", "json_object", "json_schema", "grammar", "python"],
            },
            "json_schema": {
                "type": "object",
                "required": ["name", "schema"],
                "properties": {
                    "name": {
                        "type": "string",
                        "pattern": "^[A-Za-z0-9_-]{1,64}$",
                        "errorMessage": {"pattern": "must be 1 to 64 letters, digits, `_` or `-`"},
                    },
                    "schema": {
                        "type": "object",
                        "errorMessage": {"required": "`schema` is required: the JSON Schema of the answer"},
                    },
                },
                "errorMessage": {"required": needs_schema},
            },
        },
        "if": {"required": ["type"], "properties": {"type": {"const": "json_schema"}}},
        "then": {
            "required": ["json_schema"],
            "properties": {"json_schema": {"errorMessage": {"required": needs_schema}}},
        },
    })
}

/// OpenRouter answers 400 to `effort` beside `max_tokens`.
fn reasoning(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "effort": {
                "type": "string",
                "examples": ["max", "xhigh", "high", "medium", "low", "minimal", "none"],
            },
            "max_tokens": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
        },
        "propertyNames": {
            "examples": ["effort", "max_tokens", "exclude", "enabled", "summary", "context", "mode"],
        },
        "not": {"required": ["effort", "max_tokens"]},
        "errorMessage": {"not": "give `effort` or `max_tokens`, not both"},
    })
}

fn plugins(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string", "pattern": r"\S", "errorMessage": {"pattern": "must not be empty"}}},
            "errorMessage": {"type": "must be an object with an `id`, not {kind}"},
        },
    })
}

fn transforms(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string", "enum": ["middle-out"]}})
}

fn metadata(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "propertyNames": {"maxLength": 64, "errorMessage": {"maxLength": "a key has at most 64 characters"}},
        "additionalProperties": {
            "type": "string",
            "maxLength": 512,
            "errorMessage": {"maxLength": "a value has at most 512 characters"},
        },
    })
}

fn max_price(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "type": ["number", "string"],
            "minimum": 0,
            "maximum": MOST_PRICE,
            "pattern": r"^[0-9]{1,6}(\.[0-9]{1,12})?$",
            "errorMessage": {
                "type": "must be a price in USD, not {kind}",
                "pattern": "must be a price in USD from 0 to 999999, such as `0.15`",
            },
        },
    })
}

fn quantizations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "string",
            "enum": ["int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"],
        },
    })
}

fn sort(_: &mut SchemaGenerator) -> Schema {
    let words =
        json_schema!({"type": "string", "enum": ["price", "throughput", "latency", "exacto"]});
    json_schema!({
        "anyOf": [words, {"type": "object"}],
        "errorMessage": {"anyOf": "must be a text or an object, not {kind}"},
    })
}

fn number_or_percentiles(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["number", "object"],
        "errorMessage": {"type": "must be a number or an object of percentiles, not {kind}"},
    })
}

/// The highest price that a node may set, USD per million tokens.
pub(super) const MOST_PRICE: u32 = 1_000_000;

/// Options of OpenRouter itself: no model has to know them.
const OPENROUTERS_OWN: [&str; 7] = [
    "provider",
    "plugins",
    "transforms",
    "serviceTier",
    "user",
    "sessionId",
    "metadata",
];

impl Options {
    /// Nothing but the form of the answer: OpenRouter's `response_format`.
    pub(crate) fn asking_for(form: Value) -> Self {
        let response_format = match form {
            Value::Object(form) => Some(form),
            _ => None,
        };
        Self {
            response_format,
            ..Self::default()
        }
    }

    /// The options that are set, under the document's names, in the order in which they stand here.
    fn set(&self) -> IndexMap<String, Value> {
        serde_json::to_string(self)
            .and_then(|text| serde_json::from_str(&text))
            .unwrap_or_default()
    }

    /// The options as OpenRouter gets them; `max_tokens` is not among them, for a request always has one.
    pub(super) fn wire(&self) -> Map<String, Value> {
        let Ok(Value::Object(set)) = serde_json::to_value(self) else {
            return Map::new();
        };
        set.into_iter()
            .filter(|(name, _)| name != "maxTokens")
            .map(|(name, value)| (snake(&name), value))
            .collect()
    }

    /// The options that are set, each with the parameters of which the model has to know one.
    pub(super) fn parameters(&self) -> Vec<(String, Vec<String>)> {
        self.set()
            .into_iter()
            .filter(|(name, value)| {
                let no_matter = OPENROUTERS_OWN.contains(&name.as_str());
                !no_matter && (name != "reasoning" || !is_off(value))
            })
            .map(|(name, value)| {
                let known_as: Vec<String> = match name.as_str() {
                    "maxTokens" => vec!["max_tokens".into(), "max_completion_tokens".into()],
                    "responseFormat" if value.get("type") == Some(&"json_schema".into()) => {
                        vec!["structured_outputs".into()]
                    }
                    "reasoning" => vec![
                        "reasoning".into(),
                        "reasoning_effort".into(),
                        "include_reasoning".into(),
                    ],
                    other => vec![snake(other)],
                };
                (name, known_as)
            })
            .collect()
    }

    /// Whether the answer's text is to be JSON.
    pub(super) fn ask_for_json(&self) -> bool {
        self.response_format
            .as_ref()
            .and_then(|format| format.get("type"))
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.starts_with("json"))
    }
}

/// Whether reasoning is switched off.
fn is_off(reasoning: &Value) -> bool {
    reasoning.get("enabled") == Some(&Value::Bool(false))
        || reasoning.get("effort") == Some(&Value::from("none"))
}

/// `topP` as `top_p`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
