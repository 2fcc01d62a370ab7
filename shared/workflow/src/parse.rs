//! Reads a document and gathers every fault of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use steps_nodes::{TYPES, UNREAD};
use steps_problem::{Fault, known_names, nearest};
use steps_template::kind;

use crate::document::{MOST_NODES, Node, OnError, Workflow};
use crate::path::field;
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
    let mut of_nodes = Vec::new();
    let nodes: Option<Vec<Node>> = match document.get("nodes") {
        Some(Value::Array(items)) if items.len() <= MOST_NODES => items
            .iter()
            .enumerate()
            .map(|(index, item)| node(item, &format!("nodes[{index}]"), &mut of_nodes))
            .collect(),
        _ => Some(Vec::new()),
    };
    whole_numbers(&mut document, &["limits"]);
    let mut faults = mend::mend(schema::document(), &mut document, "");
    document.insert("nodes".to_owned(), Value::Array(Vec::new()));
    let rest = match serde_json::from_value::<Workflow>(Value::Object(document)) {
        Ok(workflow) => nodes.map(|nodes| Workflow { nodes, ..workflow }),
        Err(error) => {
            if faults.is_empty() {
                faults.push(Fault::at("", format!("cannot be read: {error}")));
            }
            None
        }
    };
    faults.append(&mut of_nodes);
    if let Some(workflow) = &rest {
        if let Some(schema) = &workflow.input
            && let Err(fault) = input::check_schema(schema)
        {
            faults.push(fault);
        }
        // For what was taken out, the fault is told already.
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

/// Reads one node that stands alone, as in a state machine of the user's own.
///
/// # Errors
/// Every fault of the node at once, as [`parse`] gives them; `dependsOn` is a fault too, because there is nothing to
/// depend on.
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
        for (field, is_given) in [
            ("when", node.when.is_some()),
            ("forEach", node.for_each.is_some()),
            ("onError", node.on_error != OnError::Fail),
        ] {
            if is_given {
                faults.push(Fault::at(
                    field,
                    "is for nodes of a workflow: in a state machine of your own, its states say it",
                ));
            }
        }
        if node.kind.items().is_some() {
            let message = format!(
                "`{}` is for nodes of a workflow, which keeps each answer: in a state machine of your own, give each call a state",
                node.kind.type_name()
            );
            faults.push(Fault::at("type", message));
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
    let Value::Object(fields) = value else {
        let message = format!("must be an object, not {}", kind(value));
        faults.push(Fault::at(path, message));
        return serde_json::from_value(json!({"type": UNREAD, "variableName": ""})).ok();
    };
    let mut fields = fields.clone();
    let known = kind_of(&fields).unwrap_or_else(|message| {
        faults.push(Fault::at(field(path, "type"), message));
        nearest_kind(&fields)
    });
    fields.insert("type".to_owned(), Value::from(known));
    whole_numbers(&mut fields, &["retry", "forEach"]);
    let found = mend::mend(schema::node_of(known), &mut fields, path);
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
    if node.for_each.is_some() && node.kind.items().is_some() {
        faults.push(Fault::at(
            field(path, "forEach"),
            format!(
                "a node of type `{}` has a list of its own, and takes no other",
                node.kind.type_name()
            ),
        ));
    }
    if !told {
        faults.extend(node.kind.faults().into_iter().map(|fault| Fault {
            path: match fault.path.as_str() {
                "" => path.to_owned(),
                of_kind => field(path, of_kind),
            },
            ..fault
        }));
    }
    for (of_template, template) in node.templates() {
        if let Err(fault) = template.check() {
            let path = field(path, &of_template);
            faults.push(Fault {
                path,
                ..fault.clone()
            });
        }
    }
    Some(node)
}

/// The node's type, or what is wrong with it.
fn kind_of(fields: &Map<String, Value>) -> Result<&'static str, String> {
    let name = match fields.get("type") {
        Some(Value::String(name)) => name,
        None | Some(Value::Null) => return Err("`type` is required".to_owned()),
        Some(other) => return Err(format!("must be a text, not {}", kind(other))),
    };
    let known = TYPES.iter().find(|known| *known == name);
    known.copied().ok_or_else(|| {
        let known = known_names(name, TYPES.iter().copied());
        format!("unknown node type `{name}`{known}")
    })
}

/// The type that a node of an unknown one is read as: the nearest that there is, or none, where only its frame is known.
fn nearest_kind(fields: &Map<String, Value>) -> &'static str {
    let name = fields.get("type").and_then(Value::as_str);
    let near = nearest(name.unwrap_or_default(), TYPES.iter().copied());
    let known = TYPES.iter().find(|kind| Some(**kind) == near);
    known.copied().unwrap_or(UNREAD)
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
