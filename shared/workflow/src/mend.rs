//! Checks a value with its part of the schema: tells every fault, and takes the faulty values out, so that the later
//! checks see the rest.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use serde_json::{Map, Value};
use steps_problem::Fault;

use self::Mend::{PutIn, Remove, RemoveFields, Replace};
use crate::schema::Part;
use crate::words::{self, is_of_wrong_kind};

/// How often a value is checked at most: for nulls, for faults, for what is missing after that, and once more.
const ROUNDS: usize = 4;

/// What is done to a value that is refused. Places are JSON Pointers.
enum Mend {
    /// The field is taken out.
    Remove(String),
    /// These fields of the object are taken out.
    RemoveFields(String, Vec<String>),
    /// The item of a list becomes this: the others keep their places.
    Replace(String, Value),
    /// This field of the object is put in.
    PutIn(String, String, Value),
}

/// Tells every fault of the object, whose path is `path`, and mends it. A field that is null counts as left out.
pub(crate) fn mend(part: &Part, object: &mut Map<String, Value>, path: &str) -> Vec<Fault> {
    let Some(validator) = part.validator() else {
        return vec![Fault::at(path, "this version has no valid schema of it")];
    };
    let mut value = Value::Object(std::mem::take(object));
    let mut faults = None;
    for _ in 0..ROUNDS {
        let errors = told_apart(validator.iter_errors(&value).collect());
        if errors.is_empty() {
            break;
        }
        let nulls: Vec<Mend> = errors
            .iter()
            .filter(|error| is_left_out(error))
            .map(|error| mending(error, part))
            .collect();
        let mends = if !nulls.is_empty() {
            nulls
        } else if faults.is_none() {
            let told = errors.iter();
            faults = Some(
                told.flat_map(|error| words::faults(error, part, path))
                    .collect(),
            );
            errors.iter().map(|error| mending(error, part)).collect()
        } else {
            let mends = errors.iter().map(|error| mending(error, part));
            mends.filter(|mend| matches!(mend, PutIn(..))).collect()
        };
        drop(errors);
        for mend in mends {
            apply(mend, &mut value);
        }
    }
    if let Value::Object(fields) = value {
        *object = fields;
    }
    faults.unwrap_or_default()
}

/// Of a value of the wrong kind only this fault is told: the other rules are for values of the right kind.
fn told_apart(mut errors: Vec<ValidationError<'_>>) -> Vec<ValidationError<'_>> {
    let wrong: Vec<String> = errors
        .iter()
        .filter(|error| is_of_wrong_kind(error))
        .map(|error| error.instance_path().as_str().to_owned())
        .collect();
    errors.retain(|error| {
        let place = error.instance_path().as_str();
        is_of_wrong_kind(error) || !wrong.iter().any(|path| path == place)
    });
    errors
}

/// Whether the error is about a field that is null, and so counts as left out. An item of a list, or a value under a name
/// that is the author's own, does not.
fn is_left_out(error: &ValidationError<'_>) -> bool {
    let mut schema = error.schema_path().as_str().rsplit('/').skip(2);
    error.instance().is_null() && schema.next() == Some("properties")
}

fn mending(error: &ValidationError<'_>, part: &Part) -> Mend {
    let place = error.instance_path().as_str().to_owned();
    let schema = part.asked(error);
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let of_field = schema
                .get("properties")
                .and_then(|properties| properties.get(name));
            PutIn(place, name.to_owned(), empty(of_field))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            RemoveFields(place, unexpected.clone())
        }
        _ if is_item(error) => Replace(place, empty(Some(schema))),
        _ => Remove(place),
    }
}

fn is_item(error: &ValidationError<'_>) -> bool {
    let last = error.instance_path().iter().last();
    matches!(last, Some(LocationSegment::Index(_)))
}

/// A value of the schema's type with nothing in it.
fn empty(schema: Option<&Value>) -> Value {
    match schema.and_then(|schema| schema.get("type")?.as_str()) {
        Some("object") => Value::Object(Map::new()),
        Some("array") => Value::Array(Vec::new()),
        Some("integer" | "number") => Value::from(0),
        Some("boolean") => Value::Bool(false),
        _ => Value::from(""),
    }
}

fn apply(mend: Mend, value: &mut Value) {
    match mend {
        Remove(place) => {
            let (object, name) = place.rsplit_once('/').unwrap_or_default();
            let name = name.replace("~1", "/").replace("~0", "~");
            if let Some(object) = object_at(value, object) {
                object.remove(&name);
            }
        }
        RemoveFields(place, names) => {
            if let Some(object) = object_at(value, &place) {
                object.retain(|name, _| !names.contains(name));
            }
        }
        Replace(place, with) => {
            if let Some(item) = value.pointer_mut(&place) {
                *item = with;
            }
        }
        PutIn(place, name, field) => {
            if let Some(object) = object_at(value, &place) {
                object.insert(name, field);
            }
        }
    }
}

fn object_at<'v>(value: &'v mut Value, place: &str) -> Option<&'v mut Map<String, Value>> {
    value.pointer_mut(place)?.as_object_mut()
}
