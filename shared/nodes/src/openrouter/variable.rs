//! A node's variable: what later templates read.

use serde_json::{Map, Value, json};
use steps_openrouter::{Completion, Usage};

/// Its fields: what templates may read as `{{variable.field}}`.
pub(super) const OUTPUT_FIELDS: [&str; 14] = [
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

/// `{text, model, provider, finishReason, usage, costUsd, ...}` of an answer. `json` holds the parsed text where the
/// node asked for JSON; what the answer does not have is left out.
pub(super) fn variable(completion: &Completion, json_asked: bool) -> Value {
    let mut variable = Map::new();
    let mut set = |name: &str, value: Value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            variable.insert(name.to_owned(), value);
        }
    };
    set("text", json!(completion.text));
    if json_asked {
        set(
            "json",
            serde_json::from_str(&completion.text).unwrap_or_default(),
        );
    }
    set("model", json!(completion.model));
    set("provider", json!(completion.provider));
    set("finishReason", json!(completion.finish_reason));
    set("nativeFinishReason", json!(completion.native_finish_reason));
    set("usage", usage(&completion.usage));
    set(
        "costUsd",
        json!(completion.cost_usd.map(|cost| cost.to_string())),
    );
    set("generationId", json!(completion.generation_id));
    set("reasoning", json!(completion.reasoning));
    set("refusal", json!(completion.refusal));
    set("annotations", json!(completion.annotations));
    set("images", json!(completion.images));
    set("toolCalls", json!(completion.tool_calls));
    Value::Object(variable)
}

/// Templates may name these two whatever the answer used: they are there even when they are zero.
fn usage(usage: &Usage) -> Value {
    let mut shown = json!(usage);
    if let Some(fields) = shown.as_object_mut() {
        for name in ["reasoningTokens", "cachedTokens"] {
            fields.entry(name).or_insert_with(|| json!(0));
        }
    }
    shown
}
