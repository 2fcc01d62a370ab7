//! How a value looks in a prompt.

use serde_json::Value;

/// Text as it is, numbers and booleans plain, null as nothing, lists and objects as compact JSON.
pub(super) fn push(output: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => output.push_str(text),
        other => output.push_str(&other.to_string()),
    }
}

/// What kind of value it is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
