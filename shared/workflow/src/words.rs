//! The messages for values that a JSON Schema refuses.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;
use steps_problem::{Fault, did_you_mean, known_names};
use steps_template::kind;

use crate::path::{field, join};
use crate::schema::Part;

/// The faults that an error stands for. `path` is the path of the value that was checked.
pub(crate) fn faults(error: &ValidationError<'_>, part: &Part, path: &str) -> Vec<Fault> {
    let at = join(path, error.instance_path().as_str());
    let schema = part.asked(error);
    let keyword = last(error.schema_path().as_str());
    let instance = error.instance();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| Fault::at(field(&at, name), unknown_field(name, schema)))
            .collect(),
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let own = schema
                .get("properties")
                .and_then(|properties| said(properties.get(name)?, "required"));
            let message = own.unwrap_or_else(|| format!("`{name}` is required"));
            vec![Fault::at(field(&at, name), message)]
        }
        Kind::PropertyNames { error } => {
            // The path of the error leads to the rule for the names.
            let names = schema.get("propertyNames").unwrap_or(schema);
            let own = said(names, last(error.schema_path().as_str()));
            let message = own.unwrap_or_else(|| error.to_string());
            let name = error.instance().as_str().unwrap_or_default();
            vec![Fault::at(field(&at, name), message)]
        }
        // Where one of the kinds that are allowed fits, its own error says more.
        Kind::AnyOf { context } => {
            let inner = context
                .iter()
                .find(|errors| !errors.iter().any(|error| is_of_wrong_kind(error)));
            match inner {
                Some(errors) => errors
                    .iter()
                    .flat_map(|error| faults(error, part, &at))
                    .map(|fault| Fault {
                        path: at.clone(),
                        ..fault
                    })
                    .collect(),
                None => vec![Fault::at(at, message(error, schema, keyword, instance))],
            }
        }
        _ => {
            let words = message(error, schema, keyword, instance);
            vec![Fault::at(at, words)]
        }
    }
}

/// Whether the value is of another type than the schema's.
pub(crate) fn is_of_wrong_kind(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), Kind::Type { .. })
}

fn last(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

/// The schema's own words for this keyword.
fn said(schema: &Value, keyword: &str) -> Option<String> {
    match schema.get("errorMessage")? {
        Value::String(all) => Some(all.clone()),
        words => Some(words.get(keyword)?.as_str()?.to_owned()),
    }
}

fn message(error: &ValidationError<'_>, schema: &Value, keyword: &str, value: &Value) -> String {
    let count = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.chars().count(),
        _ => 0,
    };
    if let Some(own) = said(schema, keyword) {
        return own
            .replace("{kind}", kind(value))
            .replace("{value}", value.as_str().unwrap_or_default())
            .replace("{count}", &count.to_string());
    }
    match error.kind() {
        Kind::Type { .. } => format!("must be {}, not {}", wanted(schema), kind(value)),
        Kind::Minimum { .. } | Kind::Maximum { .. } => {
            format!("must be {}, not {value}", in_range(schema))
        }
        Kind::Enum { options } => {
            let options = options.as_array().into_iter().flatten();
            unknown_word(error, value, options.filter_map(Value::as_str))
        }
        Kind::MinLength { .. } => "must not be empty".to_owned(),
        Kind::MaxLength { limit } => format!("has {count} characters; the most is {limit}"),
        Kind::MaxItems { limit } => {
            let texts = schema.pointer("/items/type") == Some(&Value::from("string"));
            let items = if texts { "texts" } else { "items" };
            format!("holds {count} {items}; the most is {limit}")
        }
        Kind::MaxProperties { limit } => format!("holds {count} pairs; the most is {limit}"),
        _ => error.masked().to_string(),
    }
}

/// What a schema takes, in words.
fn wanted(schema: &Value) -> String {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "a text".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("object") => "an object".to_owned(),
        Some("array") if schema.pointer("/items/type") == Some(&Value::from("string")) => {
            "a list of texts".to_owned()
        }
        Some("array") => "a list".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        _ => "something else".to_owned(),
    }
}

fn in_range(schema: &Value) -> String {
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    let whole = schema.get("type") == Some(&Value::from("integer"));
    let number = if whole { "a whole number " } else { "" };
    match (bound("minimum"), bound("maximum")) {
        // The bounds of a 32-bit number come from the type, not from the author of the schema.
        (Some(least), Some(most)) if whole && most.as_u64() >= Some(u64::from(u32::MAX)) => {
            format!("{number}of at least {least}")
        }
        (Some(least), Some(most)) => format!("{number}from {least} to {most}"),
        (Some(least), None) => format!("{number}of at least {least}"),
        (None, Some(most)) => format!("{number}of at most {most}"),
        (None, None) => wanted(schema),
    }
}

fn unknown_word<'o>(
    error: &ValidationError<'_>,
    value: &Value,
    options: impl Iterator<Item = &'o str>,
) -> String {
    let path = join("", error.instance_path().as_str());
    let field = path
        .rsplit_once('.')
        .map_or(path.as_str(), |(_, last)| last);
    let what = match field.split_once('[') {
        Some((list, _)) => list.trim_end_matches('s'),
        None => field,
    };
    let word = value.as_str().unwrap_or_default();
    format!("unknown {what} `{word}`{}", known_names(word, options))
}

fn unknown_field(name: &str, schema: &Value) -> String {
    let known: Vec<&str> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|properties| properties.keys().map(String::as_str))
        .collect();
    let meant = did_you_mean(name, known.iter().copied());
    if meant.is_empty() {
        format!("unknown field `{name}`; known: {}", known.join(", "))
    } else {
        format!("unknown field `{name}`{meant}")
    }
}

/// Words that are allowed but not among the schema's `examples`: probably mistakes.
pub(crate) fn unusual(schema: &Value, value: &Value, path: &str, warnings: &mut Vec<Fault>) {
    let mut check = |schema: &Value, word: &str| {
        let known: Vec<&str> = schema
            .get("examples")
            .and_then(Value::as_array)
            .into_iter()
            .flat_map(|examples| examples.iter().filter_map(Value::as_str))
            .collect();
        if !known.is_empty() && !known.contains(&word) {
            warnings.push(Fault::at(
                path,
                format!(
                    "`{word}` is not a word known for this{}",
                    known_names(word, known)
                ),
            ));
        }
    };
    match value {
        Value::String(word) => check(schema, word),
        Value::Object(fields) => {
            for name in fields.keys() {
                if let Some(names) = schema.get("propertyNames") {
                    check(names, name);
                }
            }
            for (name, value) in fields {
                let of_field = schema
                    .get("properties")
                    .and_then(|properties| properties.get(name));
                if let Some(of_field) = of_field {
                    unusual(of_field, value, &field(path, name), warnings);
                }
            }
        }
        _ => {}
    }
}
