//! Reads the fields of an `openrouter` node.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use steps_problem::{Fault, known_names};
use steps_template::{Template, kind};

use crate::document::{OpenRouterNode, Operation, default_model, default_system_prompt};
use crate::reader::Reader;

impl OpenRouterNode {
    /// The fields of its output: what templates may read as `{{variable.field}}`.
    pub const OUTPUT_FIELDS: [&'static str; 14] = [
        "text",
        "json",
        "model",
        "provider",
        "finishReason",
        "nativeFinishReason",
        "usage",
        "costUsd",
        "reasoning",
        "refusal",
        "annotations",
        "images",
        "toolCalls",
        "generationId",
    ];
}

/// Words that OpenRouter takes today; it adds some without notice, so others are warned of, not refused.
const VERBOSITIES: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];
const SERVICE_TIERS: [&str; 7] = [
    "auto",
    "default",
    "fast",
    "flex",
    "priority",
    "scale",
    "ultrafast",
];
const EFFORTS: [&str; 7] = ["max", "xhigh", "high", "medium", "low", "minimal", "none"];
const REASONING_KEYS: [&str; 7] = [
    "effort",
    "max_tokens",
    "exclude",
    "enabled",
    "summary",
    "context",
    "mode",
];
const RESPONSE_FORMATS: [&str; 5] = ["text", "json_object", "json_schema", "grammar", "python"];
const QUANTIZATIONS: [&str; 12] = [
    "int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32",
    "unknown",
];

/// Reads them; `None` where a required one is missing. The faults are the reader's.
pub(crate) fn read(reader: &mut Reader<'_>) -> Option<OpenRouterNode> {
    operation(reader);
    let credential = credential(reader);
    let model = model(reader);
    let models = models(reader);
    let system_prompt = reader
        .template("systemPrompt")
        .unwrap_or_else(default_system_prompt);
    let user_prompt = reader.required_template("userPrompt");
    let token_count = i64::from(u32::MAX);
    let node = OpenRouterNode {
        operation: Operation::Chat,
        credential: String::new(),
        model,
        models,
        system_prompt,
        user_prompt: Template::default(),
        max_tokens: reader
            .whole("maxTokens", 1..=token_count)
            .and_then(|n| u32::try_from(n).ok()),
        temperature: reader.number("temperature", 0.0..=2.0),
        top_p: reader.number("topP", 0.0..=1.0),
        top_k: reader
            .whole("topK", 0..=token_count)
            .and_then(|n| u32::try_from(n).ok()),
        min_p: reader.number("minP", 0.0..=1.0),
        top_a: reader.number("topA", 0.0..=1.0),
        frequency_penalty: reader.number("frequencyPenalty", -2.0..=2.0),
        presence_penalty: reader.number("presencePenalty", -2.0..=2.0),
        repetition_penalty: reader.number("repetitionPenalty", 0.0..=2.0),
        seed: reader.whole("seed", i64::MIN..=i64::MAX),
        stop: stop(reader),
        response_format: response_format(reader),
        reasoning: reasoning(reader),
        provider: provider(reader),
        plugins: plugins(reader),
        transforms: transforms(reader),
        verbosity: reader.text("verbosity").map(ToOwned::to_owned),
        service_tier: reader.text("serviceTier").map(ToOwned::to_owned),
        user: reader.text("user").map(ToOwned::to_owned),
        session_id: reader.short_text("sessionId", 256),
        metadata: metadata(reader),
    };
    Some(OpenRouterNode {
        credential: credential?,
        user_prompt: user_prompt?,
        ..node
    })
}

fn operation(reader: &mut Reader<'_>) {
    if let Some(operation) = reader.text("operation")
        && operation != "chat"
    {
        reader.fault(
            "operation",
            format!("unknown operation `{operation}`; known: chat"),
        );
    }
}

fn credential(reader: &mut Reader<'_>) -> Option<String> {
    let credential = reader.required_text("credential")?;
    if credential.trim_start().starts_with("sk-") {
        // Never repeat it: it is a secret.
        reader.fault(
            "credential",
            "this is an API key, and a workflow must not hold one: store the key as a credential and give that credential's id or name here; then replace the key, for it has been written down",
        );
        return None;
    }
    Some(credential.to_owned())
}

fn model_id_fault(model: &str) -> Option<&'static str> {
    if model.trim().is_empty() {
        return Some("must not be empty; leave it out for the default");
    }
    if model.chars().any(char::is_whitespace) {
        return Some("a model id holds no spaces; it looks like `openai/gpt-4o-mini`");
    }
    None
}

fn model(reader: &mut Reader<'_>) -> String {
    let Some(model) = reader.text("model") else {
        return default_model();
    };
    if let Some(message) = model_id_fault(model) {
        reader.fault("model", message);
    }
    model.to_owned()
}

fn models(reader: &mut Reader<'_>) -> Vec<String> {
    let models = reader.texts("models").unwrap_or_default();
    for (index, model) in models.iter().enumerate() {
        if let Some(message) = model_id_fault(model) {
            reader.fault(&format!("models[{index}]"), message);
        }
    }
    models
}

fn stop(reader: &mut Reader<'_>) -> Vec<String> {
    let stop = match reader.get("stop") {
        None => return Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(_)) => reader.texts("stop").unwrap_or_default(),
        Some(other) => {
            reader.fault(
                "stop",
                format!("must be a text or a list of up to 4, not {}", kind(other)),
            );
            return Vec::new();
        }
    };
    if stop.len() > 4 {
        reader.fault("stop", format!("holds {} texts; the most is 4", stop.len()));
    }
    if stop.iter().any(String::is_empty) {
        reader.fault("stop", "must not hold an empty text");
    }
    stop
}

fn response_format(reader: &mut Reader<'_>) -> Option<Map<String, Value>> {
    let format = reader.object("responseFormat")?;
    let mut inner = Reader::new(reader.path_of("responseFormat"), format, reader.faults());
    let kind = inner.required_text("type");
    if kind == Some("json_schema") {
        match inner.object("json_schema") {
            None if format.contains_key("json_schema") => {}
            None => inner.fault(
                "json_schema",
                "`json_schema` is required with this type: {name, schema, strict}",
            ),
            Some(schema) => {
                let mut inner = Reader::new(inner.path_of("json_schema"), schema, inner.faults());
                if let Some(name) = inner.required_text("name") {
                    let plain = name.chars().all(|character| {
                        character.is_ascii_alphanumeric() || "_-".contains(character)
                    });
                    if !plain || name.len() > 64 {
                        inner.fault("name", "must be 1 to 64 letters, digits, `_` or `-`");
                    }
                }
                if inner.get("schema").is_none() {
                    inner.fault(
                        "schema",
                        "`schema` is required: the JSON Schema of the answer",
                    );
                } else {
                    inner.object("schema");
                }
            }
        }
    }
    Some(format.clone())
}

fn reasoning(reader: &mut Reader<'_>) -> Option<Map<String, Value>> {
    let reasoning = reader.object("reasoning")?;
    let mut inner = Reader::new(reader.path_of("reasoning"), reasoning, reader.faults());
    let effort = inner.text("effort").is_some();
    let budget = inner.whole("max_tokens", 1..=i64::from(u32::MAX)).is_some();
    if effort && budget {
        // OpenRouter answers 400 to both.
        inner.fault("", "give `effort` or `max_tokens`, not both");
    }
    Some(reasoning.clone())
}

fn provider(reader: &mut Reader<'_>) -> Option<Map<String, Value>> {
    let provider = reader.object("provider")?;
    let mut inner = Reader::new(reader.path_of("provider"), provider, reader.faults());
    for field in ["order", "only", "ignore"] {
        inner.texts(field);
    }
    for (index, name) in inner
        .texts("quantizations")
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        if !QUANTIZATIONS.contains(&name.as_str()) {
            inner.fault(
                &format!("quantizations[{index}]"),
                format!(
                    "unknown quantization `{name}`{}",
                    known_names(name, QUANTIZATIONS)
                ),
            );
        }
    }
    for field in [
        "allow_fallbacks",
        "require_parameters",
        "zdr",
        "enforce_distillable_text",
    ] {
        if let Some(value) = inner.get(field)
            && !value.is_boolean()
        {
            inner.fault(field, format!("must be true or false, not {}", kind(value)));
        }
    }
    if let Some(collection) = inner.text("data_collection")
        && !["allow", "deny"].contains(&collection)
    {
        inner.fault(
            "data_collection",
            format!("must be allow or deny, not `{collection}`"),
        );
    }
    match inner.get("sort") {
        None | Some(Value::Object(_)) => {}
        Some(Value::String(sort)) => {
            let sorts = ["price", "throughput", "latency", "exacto"];
            if !sorts.contains(&sort.as_str()) {
                inner.fault(
                    "sort",
                    format!("unknown sort `{sort}`{}", known_names(sort, sorts)),
                );
            }
        }
        Some(other) => inner.fault(
            "sort",
            format!("must be a text or an object, not {}", kind(other)),
        ),
    }
    for field in ["preferred_min_throughput", "preferred_max_latency"] {
        if let Some(value) = inner.get(field)
            && !value.is_number()
            && !value.is_object()
        {
            inner.fault(
                field,
                format!(
                    "must be a number or an object of percentiles, not {}",
                    kind(value)
                ),
            );
        }
    }
    inner.object("max_price");
    inner.object("options");
    inner.finish();
    Some(provider.clone())
}

fn plugins(reader: &mut Reader<'_>) -> Vec<Map<String, Value>> {
    let Some(items) = reader.list("plugins") else {
        return Vec::new();
    };
    let mut plugins = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let field = format!("plugins[{index}]");
        let Value::Object(plugin) = item else {
            reader.fault(
                &field,
                format!("must be an object with an `id`, not {}", kind(item)),
            );
            continue;
        };
        let path = reader.path_of(&field);
        Reader::new(path, plugin, reader.faults()).required_text("id");
        plugins.push(plugin.clone());
    }
    plugins
}

fn transforms(reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let transforms = reader.texts("transforms")?;
    for (index, name) in transforms.iter().enumerate() {
        if name != "middle-out" {
            reader.fault(
                &format!("transforms[{index}]"),
                format!("unknown transform `{name}`; known: middle-out"),
            );
        }
    }
    Some(transforms)
}

fn metadata(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let Some(fields) = reader.object("metadata") else {
        return BTreeMap::new();
    };
    if fields.len() > 16 {
        reader.fault(
            "metadata",
            format!("holds {} pairs; the most is 16", fields.len()),
        );
    }
    let mut metadata = BTreeMap::new();
    for (key, value) in fields {
        let field = format!("metadata.{key}");
        if key.chars().count() > 64 {
            reader.fault(&field, "a key has at most 64 characters");
        }
        match value {
            Value::String(text) if text.chars().count() > 512 => {
                reader.fault(&field, "a value has at most 512 characters");
            }
            Value::String(text) => {
                metadata.insert(key.clone(), text.clone());
            }
            other => reader.fault(&field, format!("must be a text, not {}", kind(other))),
        }
    }
    metadata
}

/// What is allowed and probably a slip; `path` is the node's.
pub(crate) fn warnings(node: &OpenRouterNode, path: &str) -> Vec<Fault> {
    let mut warnings = Vec::new();
    let mut word = |field: &str, value: Option<&str>, words: &[&str]| {
        if let Some(value) = value
            && !words.contains(&value)
        {
            warnings.push(Fault::at(
                format!("{path}.{field}"),
                format!(
                    "`{value}` is not a word known for this{}",
                    known_names(value, words.iter().copied())
                ),
            ));
        }
    };
    word("verbosity", node.verbosity.as_deref(), &VERBOSITIES);
    word("serviceTier", node.service_tier.as_deref(), &SERVICE_TIERS);
    if let Some(reasoning) = &node.reasoning {
        word(
            "reasoning.effort",
            reasoning.get("effort").and_then(Value::as_str),
            &EFFORTS,
        );
        for key in reasoning.keys() {
            word("reasoning", Some(key), &REASONING_KEYS);
        }
    }
    if let Some(format) = &node.response_format {
        word(
            "responseFormat.type",
            format.get("type").and_then(Value::as_str),
            &RESPONSE_FORMATS,
        );
    }
    let fallbacks = node
        .models
        .iter()
        .enumerate()
        .map(|(index, model)| (format!("models[{index}]"), model));
    for (field, model) in std::iter::once(("model".to_owned(), &node.model)).chain(fallbacks) {
        if !model.contains('/') {
            warnings.push(Fault::at(
                format!("{path}.{field}"),
                format!("`{model}` is probably no model id; they look like `openai/gpt-4o-mini`"),
            ));
        }
    }
    warnings
}
