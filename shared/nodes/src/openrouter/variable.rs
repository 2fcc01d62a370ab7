//! A node's variable: what later templates read.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use steps_openrouter::{Completion, Message, Role, Usage};

/// Its fields: what templates may read as `{{variable.field}}`.
pub(super) const OUTPUT_FIELDS: [&str; 19] = [
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
    "audio",
    "routing",
    "cacheSavedUsd",
    // Of a node that has failed with `InvalidOutput`.
    "faults",
    CONVERSATION,
];

/// The field with the messages of a node that another one goes on with.
pub(super) const CONVERSATION: &str = "conversation";

/// `{text, model, provider, finishReason, usage, costUsd, ...}` of an answer. `json` holds the parsed text where the
/// node asked for JSON; what the answer does not have is left out. `messages` are those that were sent, where another
/// node goes on with them.
pub(super) fn variable(
    completion: &Completion,
    json: Option<Value>,
    images: Vec<Value>,
    audio: Option<Value>,
    saved: Option<Decimal>,
    messages: Option<Vec<Message>>,
) -> Value {
    let mut variable = Map::new();
    let mut set = |name: &str, value: Value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            variable.insert(name.to_owned(), value);
        }
    };
    set("text", json!(completion.text));
    set("json", json.unwrap_or_default());
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
    set("images", json!(images));
    set("audio", audio.unwrap_or_default());
    set("toolCalls", json!(completion.tool_calls));
    set("routing", json!(completion.routing));
    set("cacheSavedUsd", json!(saved.map(|saved| saved.to_string())));
    if let Some(mut messages) = messages {
        messages.push(Message {
            annotations: files_of(completion),
            ..Message::new(Role::Assistant, completion.text.as_str())
        });
        set(CONVERSATION, json!(messages));
    }
    Value::Object(variable)
}

/// What the answer tells of files: sent again, no file is read and paid for twice.
fn files_of(completion: &Completion) -> Vec<Value> {
    let annotations = completion.annotations.iter();
    let files = annotations.filter(|annotation| annotation.get("file").is_some());
    files.cloned().collect()
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
