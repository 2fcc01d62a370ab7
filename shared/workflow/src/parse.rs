//! Reads a document and gathers every fault of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use steps_nodes::{TYPES, UNREAD};
use steps_problem::{Fault, known_names, nearest};
use steps_template::kind;

use crate::document::{Node, Workflow};
use crate::source::{self, Format};
use crate::{callbacks, input, mend, schema, validate};

/// A document that has faults.
#[derive(Debug)]
pub struct Faulty {
    /// Every fault. In a text that is no JSON or YAML the only one, with line and column; any other has a path such as
    /// `nodes[2].userPrompt`, and in a template the line and column within it.
    pub faults: Vec<Fault>,
    /// The document without what is faulty, for checks that this crate cannot make. It must not be stored.
    pub rest: Option<Workflow>,
}

/// Reads a workflow document.
///
/// # Errors
/// Every fault of the document at once.
pub fn parse(text: &str, format: Format) -> Result<Workflow, Faulty> {
    let mut document = source::object(text, format).map_err(|fault| Faulty {
        faults: vec![fault],
        rest: None,
    })?;
    let nodes = document.get_mut("nodes").map(Value::take);
    let mut faults = Vec::new();
    let (nodes, read) = match nodes {
        Some(Value::Array(items)) if items.len() <= MOST_NODES => {
            let read: Option<Vec<Node>> = items
                .iter()
                .enumerate()
                .map(|(index, item)| node(item, &format!("nodes[{index}]"), &mut faults))
                .collect();
            // As many as there were: the schema counts them.
            (Some(Value::Array(vec![Value::Null; items.len()])), read)
        }
        other => (other, Some(Vec::new())),
    };
    match nodes {
        Some(nodes) => document.insert("nodes".to_owned(), nodes),
        None => document.remove("nodes"),
    };
    whole_numbers(&mut document, &["limits"]);
    let mut found = mend::mend(schema::document(), &mut document, "");
    document.insert("nodes".to_owned(), Value::Array(Vec::new()));
    let rest = match serde_json::from_value::<Workflow>(Value::Object(document)) {
        Ok(workflow) => read.map(|nodes| Workflow { nodes, ..workflow }),
        Err(error) => {
            if found.is_empty() {
                found.push(Fault::at("", format!("cannot be read: {error}")));
            }
            None
        }
    };
    found.append(&mut faults);
    let mut faults = found;
    if let Some(workflow) = &rest {
        if let Some(schema) = &workflow.input
            && let Err(fault) = input::check_schema(schema)
        {
            faults.push(fault);
        }
        // What was taken out has its fault already.
        let told: BTreeSet<String> = faults.iter().map(|fault| fault.path.clone()).collect();
        let later = callbacks::faults(&workflow.callbacks)
            .into_iter()
            .chain(validate::graph(&workflow.nodes, workflow.input.as_ref()));
        faults.extend(later.filter(|fault| !told.contains(&fault.path)));
    }
    match rest {
        Some(workflow) if faults.is_empty() => Ok(workflow),
        rest => Err(Faulty { faults, rest }),
    }
}

/// No more nodes than this are looked at; the schema says the same.
const MOST_NODES: usize = 500;

/// Reads one node that stands alone, as in a state machine of the user's own.
///
/// # Errors
/// Every fault of the node at once, as [`parse`] gives them; `dependsOn` is one, for there is nothing to depend on.
pub fn parse_node(value: &Value) -> Result<Node, Vec<Fault>> {
    if !value.is_object() {
        return Err(vec![Fault::at(
            "",
            format!("the node must be an object, not {}", kind(value)),
        )]);
    }
    let mut faults = Vec::new();
    let node = node(value, "", &mut faults);
    if let Some(node) = &node {
        if !node.depends_on.is_empty() {
            faults.push(Fault::at(
                "dependsOn",
                "a node that stands alone has no others to depend on",
            ));
        }
        faults.extend(validate::own_output(node));
    }
    match node {
        Some(node) if faults.is_empty() => Ok(node),
        _ => Err(faults),
    }
}

/// One node, without what is faulty; `None` only where nothing of it can be read.
fn node(value: &Value, path: &str, faults: &mut Vec<Fault>) -> Option<Node> {
    let mut fields = match value {
        Value::Object(fields) => fields.clone(),
        other => {
            let message = format!("must be an object, not {}", kind(other));
            faults.push(Fault::at(path, message));
            Map::new()
        }
    };
    let known = kind_of(&mut fields, value.is_object(), path, faults);
    whole_numbers(&mut fields, &["retry"]);
    let found = if value.is_object() {
        mend::mend(schema::node_of(known), &mut fields, path)
    } else {
        fields.insert("variableName".to_owned(), Value::from(""));
        Vec::new()
    };
    let told = !found.is_empty();
    faults.extend(found);
    let mut node: Node = match serde_json::from_value(Value::Object(fields)) {
        Ok(node) => node,
        Err(error) => {
            if !told {
                faults.push(Fault::at(path, format!("cannot be read: {error}")));
            }
            return None;
        }
    };
    if node.id.is_empty() {
        node.id.clone_from(&node.variable_name);
    }
    for (field, template) in node.templates() {
        if let Err(fault) = template.check() {
            let path = validate::field(path, &field);
            faults.push(Fault {
                path,
                ..fault.clone()
            });
        }
    }
    Some(node)
}

/// The type that the node is read as: its own, the nearest that there is, or none, where only its frame is known.
fn kind_of(
    fields: &mut Map<String, Value>,
    tell: bool,
    path: &str,
    faults: &mut Vec<Fault>,
) -> &'static str {
    let message = match fields.get("type") {
        Some(Value::String(name)) => {
            if let Some(known) = TYPES.iter().find(|known| *known == name) {
                return known;
            }
            format!(
                "unknown node type `{name}`{}",
                known_names(name, TYPES.iter().copied())
            )
        }
        None | Some(Value::Null) => "`type` is required".to_owned(),
        Some(other) => format!("must be a text, not {}", kind(other)),
    };
    if tell {
        faults.push(Fault::at(validate::field(path, "type"), message));
    }
    let name = fields
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let known = nearest(name, TYPES.iter().copied());
    let known = TYPES.iter().find(|kind| Some(**kind) == known);
    let known = known.copied().unwrap_or(UNREAD);
    fields.insert("type".to_owned(), Value::from(known));
    known
}

/// 5.0 is a whole number too: it is read as 5, here and in these objects.
fn whole_numbers(fields: &mut Map<String, Value>, inside: &[&str]) {
    for (name, value) in fields {
        let whole = value
            .as_f64()
            .filter(|number| value.is_f64() && number.fract() == 0.0 && number.abs() < 9e15);
        if let Some(number) = whole {
            *value = Value::from(number as i64);
        } else if let Value::Object(inner) = value
            && inside.contains(&name.as_str())
        {
            whole_numbers(inner, &[]);
        }
    }
}
