//! How a value looks in a prompt.

use serde_json::Value;

use super::tree::Element;

/// The characters of the text that no value can take away.
pub(super) fn least_chars(elements: &[Element]) -> usize {
    elements
        .iter()
        .map(|element| match element {
            Element::Text(text) => text.chars().count(),
            Element::Print { .. } => 0,
            Element::Block(block) => least_chars(&block.body).min(least_chars(&block.inverse)),
        })
        .sum()
}

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
