//! The document's JSON Schema, put together from the types: the frame of a workflow, the frame of a node, and the fields
//! of each kind.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use steps_nodes::TYPES;

use crate::document::{Node, Workflow};

/// Where the schema is published.
const ID: &str = "/schema/workflow.json";

/// The JSON Schema (draft 2020-12) of a workflow document. `errorMessage` holds the words for a value that is refused,
/// `examples` the words that OpenRouter is known to take.
#[must_use]
pub fn schema() -> Value {
    let mut schema = of::<Workflow>();
    let nodes: Vec<Value> = TYPES.iter().map(|kind| node(kind).into()).collect();
    if let Some(Value::Object(list)) = schema
        .get_mut("properties")
        .and_then(|fields| fields.get_mut("nodes"))
    {
        list.insert("items".to_owned(), json!({"oneOf": nodes}));
    }
    let dialect = "https://json-schema.org/draft/2020-12/schema";
    schema.insert("$schema".to_owned(), dialect.into());
    schema.insert("$id".to_owned(), ID.into());
    schema.into()
}

/// A part of the schema that a value can be checked with.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) schema: Value,
    validator: OnceLock<Option<Validator>>,
}

impl Part {
    fn new(schema: Map<String, Value>) -> Self {
        Self {
            schema: Value::Object(schema),
            validator: OnceLock::new(),
        }
    }

    /// Made when the first value is checked: the warnings need none. `None` where the schema is not valid.
    pub(crate) fn validator(&self) -> Option<&Validator> {
        self.validator
            .get_or_init(|| jsonschema::validator_for(&self.schema).ok())
            .as_ref()
    }

    /// The part of this schema that refused a value.
    pub(crate) fn asked(&self, error: &ValidationError<'_>) -> &Value {
        let path = error.schema_path().as_str();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.pointer(parent).unwrap_or(&Value::Null)
    }
}

static DOCUMENT: LazyLock<Part> = LazyLock::new(|| Part::new(of::<Workflow>()));

static NODES: LazyLock<BTreeMap<&str, Part>> = LazyLock::new(|| {
    TYPES
        .iter()
        .map(|kind| (*kind, Part::new(node(kind))))
        .collect()
});

/// A node of an unknown type: its own fields are unknown too.
static FRAME: LazyLock<Part> = LazyLock::new(|| {
    let mut frame = of::<Node>();
    frame.remove("additionalProperties");
    Part::new(frame)
});

/// The document without its nodes.
pub(crate) fn document() -> &'static Part {
    &DOCUMENT
}

/// A node of this type; of an unknown type, what all nodes have.
pub(crate) fn node_of(kind: &str) -> &'static Part {
    NODES.get(kind).unwrap_or(&FRAME)
}

/// The schema of a node of one type.
fn node(kind: &str) -> Map<String, Value> {
    let mut node = of::<Node>();
    let mut own = steps_nodes::schema(kind).unwrap_or_default();
    plain(&mut own);
    if let Some(Value::Object(fields)) = node.get_mut("properties") {
        fields.insert("type".to_owned(), json!({"type": "string", "const": kind}));
        if let Some(Value::Object(more)) = own.get("properties") {
            fields.extend(more.clone());
        }
    }
    if let Some(Value::Array(required)) = node.get_mut("required") {
        required.push("type".into());
        if let Some(Value::Array(more)) = own.get("required") {
            required.extend(more.iter().cloned());
        }
    }
    if let Some(together) = own.get("allOf") {
        node.insert("allOf".to_owned(), together.clone());
    }
    node.insert("title".to_owned(), kind.into());
    if let Some(description) = own.get("description") {
        node.insert("description".to_owned(), description.clone());
    }
    node
}

fn of<T: JsonSchema>() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|own| {
        own.inline_subschemas = true;
        own.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    plain(&mut schema);
    match schema {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Takes out what allows null: a field that is null counts as left out.
fn plain(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Object(fields) => {
            without_null(fields);
            fields.values_mut().for_each(plain);
        }
        _ => {}
    }
}

fn without_null(fields: &mut Map<String, Value>) {
    if fields.get("default") == Some(&Value::Null) {
        fields.remove("default");
    }
    if let Some(Value::Array(types)) = fields.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(options)) = fields.get("anyOf")
        && let [Value::Object(only), null] = options.as_slice()
        && null == &json!({"type": "null"})
    {
        let only = only.clone();
        fields.remove("anyOf");
        for (name, value) in only {
            // The field's own description says more than its type's.
            fields.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_a_valid_schema() {
        assert!(document().validator().is_some());
        assert!(FRAME.validator().is_some());
        for kind in TYPES {
            assert!(node_of(kind).validator().is_some(), "{kind}");
        }
        assert!(jsonschema::meta::is_valid(&schema()));
    }

    #[test]
    fn every_field_has_a_description() {
        fn check(path: &str, schema: &Value) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{name}");
                assert!(
                    name == "type" || property["description"].is_string(),
                    "{path}"
                );
            }
        }
        let schema = schema();
        check("", &schema);
        for node in schema["properties"]["nodes"]["items"]["oneOf"]
            .as_array()
            .unwrap()
        {
            check("node", node);
        }
    }
}
