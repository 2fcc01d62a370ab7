//! A JSON value that fits a JSON schema.

use serde_json::{Map, Value};

const DEEPEST: usize = 12;

/// A value that fits a JSON schema of the plain kind; strings hold `text`.
pub(crate) fn fitting(schema: &Value, text: &str) -> Value {
    build(schema, schema, text, 0)
}

fn build(root: &Value, schema: &Value, text: &str, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let found = target
            .strip_prefix('#')
            .and_then(|place| root.pointer(place));
        return found.map_or(Value::Null, |found| build(root, found, text, depth + 1));
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    for list in ["enum", "anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(list).and_then(|list| list.get(0)) {
            return match list {
                "enum" => first.clone(),
                _ => build(root, first, text, depth + 1),
            };
        }
    }
    match kind(schema) {
        "object" => object(root, schema, text, depth),
        "array" => array(root, schema, text, depth),
        "string" => string(schema, text).into(),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        "boolean" => true.into(),
        _ => Value::Null,
    }
}

fn kind(schema: &Value) -> &str {
    let listed = schema.get("type");
    let first = listed.and_then(|kinds| kinds.get(0)).or(listed);
    match first.and_then(Value::as_str) {
        Some(kind) => kind,
        None if schema.get("properties").is_some() => "object",
        None => "string",
    }
}

fn object(root: &Value, schema: &Value, text: &str, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let built: Map<_, _> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.clone(), build(root, property, text, depth + 1)))
        .collect();
    built.into()
}

fn array(root: &Value, schema: &Value, text: &str, depth: usize) -> Value {
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1);
    let item = schema
        .get("items")
        .map_or(Value::Null, |items| build(root, items, text, depth + 1));
    (0..least.min(100)).map(|_| item.clone()).collect()
}

fn string(schema: &Value, text: &str) -> String {
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => return "2026-01-02".to_owned(),
        Some("date-time") => return "2026-01-02T03:04:05Z".to_owned(),
        Some("email") => return "someone@example.com".to_owned(),
        Some("uri") => return "https://example.com/".to_owned(),
        _ => {}
    }
    let length = |name| schema.get(name).and_then(Value::as_u64);
    let most = length("maxLength").and_then(|most| usize::try_from(most).ok());
    text.chars().take(most.unwrap_or(usize::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fills_every_property() {
        let schema = json!({"type": "object", "properties": {
            "name": {"type": "string", "maxLength": 2}, "score": {"type": "integer", "minimum": 5},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
            "other": {"$ref": "#/$defs/other"},
        }, "$defs": {"other": {"type": ["boolean", "null"]}}});
        let value = json!({"name": "he", "score": 5, "tags": ["a"], "other": true});
        assert_eq!(fitting(&schema, "hello"), value);
    }
}
