//! The node's fields.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_template::Template;

use crate::form::Form;

/// The most bytes of an answer where the node does not say.
const USUAL_BYTES: usize = 1 << 20;

/// The most bytes of an answer that becomes a value: in memory it may take many times as much. A file may be larger.
pub(super) const MOST_READ: usize = 5 << 20;

/// How many redirects are followed where the node does not say.
const USUAL_REDIRECTS: usize = 5;

/// Headers that this project or the connection sets.
const NOT_HEADERS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request over HTTP to a public address, or to a host that the deployment allows. Its answer is the variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Http {
    /// The method.
    #[serde(default)]
    #[schemars(schema_with = "method")]
    pub(super) method: Method,
    /// Template of the address. It has to begin with `https://` or `http://`, or with a tag.
    #[schemars(schema_with = "url")]
    pub(super) url: Template,
    /// What is added to the address's query: values are templates, numbers, true or false, or lists of these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pairs")]
    pub(super) query: Pairs,
    /// Headers: values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "headers")]
    pub(super) headers: Pairs,
    /// The body: one of `json`, `form` and `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "body")]
    pub(super) body: Option<Body>,
    /// Id or name of a credential of type `http`, whose secret is sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "credential")]
    pub(super) credential: Option<String>,
    /// What `data` is: `json`, `text`, or `file`, which is kept in the stack's bucket. Left out: JSON where the answer says
    /// that it is JSON, else text.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shape")]
    pub(super) shape: Option<Shape>,
    /// The most bytes of the answer; 1 048 576 when left out. Up to 20 971 520 for a file, else up to 5 242 880.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20_971_520))]
    pub(super) max_bytes: Option<usize>,
    /// How many redirects are followed, 0 to 10; 5 when left out. With 0 a redirect is an answer as any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub(super) redirects: Option<usize>,
    /// Statuses of 400 and more that are no failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "statuses")]
    pub(super) accept: Vec<u16>,
    /// Statuses after which it is tried again. Left out: 429, 502, 503 and 504; where the request may not be repeated, 429
    /// and 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "statuses")]
    pub(super) retry_on: Option<Vec<u16>>,
    /// Whether the request may be sent again where it is not known what became of it. Left out: true, but false for POST and
    /// PATCH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) repeatable: Option<bool>,
    /// Whether POST and PATCH are sent with a header `Idempotency-Key`, the same for every try of this node; true when left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) idempotency_key: Option<bool>,
}

/// Names with values that are made of templates.
pub(super) type Pairs = BTreeMap<String, Form>;

/// The methods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    #[default]
    Get,
    Head,
    Options,
    Post,
    Put,
    Patch,
    Delete,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Body {
    /// JSON: a value whose texts are templates, or a template that gives JSON.
    Json(Form),
    /// The fields of a form.
    Form(Pairs),
    /// A template.
    Text(Template),
}

/// What the answer becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Shape {
    /// A value.
    Json,
    /// A text.
    Text,
    /// An object of the bucket.
    File,
}

impl Http {
    pub(super) fn method(&self) -> http::Method {
        match self.method {
            Method::Get => http::Method::GET,
            Method::Head => http::Method::HEAD,
            Method::Options => http::Method::OPTIONS,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        }
    }

    /// Whether doing it twice is more than doing it once, by its method.
    pub(super) fn adds_up(&self) -> bool {
        matches!(self.method, Method::Post | Method::Patch)
    }

    /// The most bytes of the answer.
    pub(super) fn most_bytes(&self) -> usize {
        let most = self.max_bytes.unwrap_or(USUAL_BYTES);
        match self.shape {
            Some(Shape::File) => most,
            _ => most.min(MOST_READ),
        }
    }

    pub(super) fn redirects(&self) -> usize {
        self.redirects.unwrap_or(USUAL_REDIRECTS)
    }

    /// Whether the document itself says which origin is called, whatever its tags insert.
    pub(super) fn spells_out_origin(&self) -> bool {
        let text = self.url.as_str().trim_start();
        let Some((before, _)) = text.split_once("{{") else {
            return true;
        };
        let lower = before.to_ascii_lowercase();
        let rest = lower
            .strip_prefix("https://")
            .or_else(|| lower.strip_prefix("http://"));
        rest.is_some_and(|rest| rest.contains(['/', '?', '#']))
    }
}

/// The names of headers that no document sets.
pub(super) fn is_ours(name: &str) -> bool {
    NOT_HEADERS
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours))
}

fn method(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "enum": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
    })
}

fn url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "template",
        "pattern": r"^\s*([hH][tT][tT][pP][sS]?://|\{\{)",
        "errorMessage": {
            "pattern": "must begin with `https://` or `http://`, or with a tag that gives the address",
        },
    })
}

/// A key in the place of its name is refused without being repeated.
fn credential(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"\S",
        "not": {"pattern": r"^\s*(sk-|[Bb]earer\s|[Bb]asic\s)"},
        "errorMessage": {
            "pattern": "must not be empty",
            "not": "this is a secret, and a workflow must not hold one: store it as a credential and give that credential's id or name here; then replace the secret, for it has been written down",
        },
    })
}

fn scalar() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

fn pairs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 100,
        "additionalProperties": {
            "type": ["string", "number", "boolean", "array"],
            "items": scalar(),
            "errorMessage": {"type": "must be a text, a number, true or false, or a list of these, not {kind}"},
        },
    })
}

fn headers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 100,
        "propertyNames": {
            "pattern": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
            "not": {"pattern": any_of(&NOT_HEADERS)},
            "errorMessage": {
                "pattern": "is no name of a header",
                "not": "this header is set by the connection itself: leave it out",
            },
        },
        "additionalProperties": {
            "type": ["string", "number", "boolean"],
            "errorMessage": {"type": "must be a text, not {kind}"},
        },
    })
}

/// A pattern of these words, in capitals or not.
fn any_of(words: &[&str]) -> String {
    let words = words.iter().map(|word| {
        let letters = word.chars().map(|letter| {
            if letter.is_ascii_alphabetic() {
                format!("[{}{letter}]", letter.to_ascii_uppercase())
            } else {
                letter.to_string()
            }
        });
        letters.collect::<String>()
    });
    format!("^({})$", words.collect::<Vec<_>>().join("|"))
}

fn body(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "json": {
                "type": ["string", "object", "array", "number", "boolean"],
                "description": "JSON whose texts are templates, or a template that gives JSON.",
            },
            "form": pairs(generator),
            "text": {"type": "string", "format": "template", "description": "A template."},
        },
        "additionalProperties": false,
        "errorMessage": {
            "type": "must be an object with `json`, `form` or `text`, not {kind}",
            "minProperties": "must have one of `json`, `form` and `text`",
            "maxProperties": "must have only one of `json`, `form` and `text`",
        },
    })
}

fn shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["json", "text", "file"]})
}

fn statuses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 100,
        "items": {
            "type": "integer",
            "minimum": 400,
            "maximum": 599,
            "errorMessage": "must be a status from 400 to 599",
        },
    })
}
