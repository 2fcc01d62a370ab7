//! Reads a document and gathers every fault of it.

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use steps_problem::{Fault, known_names};
use steps_template::kind;

use crate::document::{Kind, Limits, Node, Retry, Workflow};
use crate::openrouter;
use crate::reader::Reader;
use crate::source::{self, Format};
use crate::validate::{self, Draft};
use crate::{callbacks, input};

const MAX_NODES: usize = 500;
const MAX_CALLBACKS: usize = 20;
const NODE_TYPES: [&str; 1] = ["openrouter"];
/// Names that mean something else in a template.
const RESERVED: [&str; 7] = ["trigger", "this", "else", "as", "true", "false", "null"];

/// Reads a workflow document.
///
/// # Errors
/// Every fault of the document at once. A text that is no JSON or YAML has one fault, with line and column;
/// any other fault has a path such as `nodes[2].userPrompt`, and in a template the line and column within it.
pub fn parse(text: &str, format: Format) -> Result<Workflow, Vec<Fault>> {
    let fields = source::object(text, format).map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    let workflow = workflow(&fields, &mut faults);
    finish(workflow, faults)
}

/// Reads one node that stands alone, as in a state machine of the user's own.
///
/// # Errors
/// Every fault of the node at once, as [`parse`] gives them; `dependsOn` is one, for there is nothing to depend on.
pub fn parse_node(value: &Value) -> Result<Node, Vec<Fault>> {
    let Value::Object(fields) = value else {
        return Err(vec![Fault::at(
            "",
            format!("the node must be an object, not {}", kind(value)),
        )]);
    };
    let mut faults = Vec::new();
    let draft = node(fields, "", &mut faults);
    if !draft.depends_on.is_empty() {
        faults.push(Fault::at(
            "dependsOn",
            "a node that stands alone has no others to depend on",
        ));
    }
    validate::own_output(&draft, &mut faults);
    finish(draft.node, faults)
}

fn finish<T>(read: Option<T>, faults: Vec<Fault>) -> Result<T, Vec<Fault>> {
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ if faults.is_empty() => Err(vec![Fault::at("", "the document cannot be read")]),
        _ => Err(faults),
    }
}

fn workflow(fields: &Map<String, Value>, faults: &mut Vec<Fault>) -> Option<Workflow> {
    let mut reader = Reader::new("", fields, faults);
    let name = reader.required_text("name").map(ToOwned::to_owned);
    if let Some(length) = name.as_ref().map(|name| name.chars().count())
        && length > 128
    {
        reader.fault("name", format!("has {length} characters; the most is 128"));
    }
    let description = reader.text("description").map(ToOwned::to_owned);
    let input = reader
        .object("input")
        .map(|schema| Value::Object(schema.clone()));
    if let Some(schema) = &input
        && let Err(fault) = input::check_schema(schema)
    {
        reader.faults().push(fault);
    }
    let callbacks = callbacks(&mut reader);
    let drafts = nodes(&mut reader);
    let limits = limits(&mut reader);
    reader.finish();
    validate::graph(&drafts, input.as_ref(), faults);
    let nodes: Option<Vec<Node>> = drafts.into_iter().map(|draft| draft.node).collect();
    Some(Workflow {
        name: name?,
        description,
        input,
        callbacks,
        nodes: nodes?,
        limits,
    })
}

fn nodes(reader: &mut Reader<'_>) -> Vec<Draft> {
    let given = reader.get("nodes").is_some();
    let Some(items) = reader.list("nodes") else {
        if !given {
            reader.fault("nodes", "`nodes` is required: a list of at least one node");
        }
        return Vec::new();
    };
    if items.is_empty() {
        reader.fault("nodes", "must hold at least one node");
    }
    if items.len() > MAX_NODES {
        reader.fault(
            "nodes",
            format!("holds {} nodes; the most is {MAX_NODES}", items.len()),
        );
        return Vec::new();
    }
    let mut drafts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("nodes[{index}]");
        match item {
            Value::Object(fields) => drafts.push(node(fields, &path, reader.faults())),
            other => reader.fault(&path, format!("must be an object, not {}", kind(other))),
        }
    }
    drafts
}

fn callbacks(reader: &mut Reader<'_>) -> Vec<String> {
    let prefixes = reader.texts("callbacks").unwrap_or_default();
    if prefixes.len() > MAX_CALLBACKS {
        reader.fault(
            "callbacks",
            format!(
                "holds {} addresses; the most is {MAX_CALLBACKS}",
                prefixes.len()
            ),
        );
    }
    for (index, prefix) in prefixes.iter().enumerate() {
        if let Err(message) = callbacks::check_prefix(prefix) {
            reader.fault(&format!("callbacks[{index}]"), message);
        }
    }
    prefixes
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(fields) = reader.object("limits") else {
        return limits;
    };
    let mut inner = Reader::new("limits", fields, reader.faults());
    limits.max_cost_usd = cost(&mut inner, "maxCostUsd");
    limits.max_cost_usd_per_day = cost(&mut inner, "maxCostUsdPerDay");
    if let Some(seconds) = inner.whole("timeoutSeconds", 1..=86_400) {
        limits.timeout_seconds = seconds.unsigned_abs();
    }
    if let Some(Ok(nodes)) = inner.whole("maxConcurrency", 1..=40).map(u32::try_from) {
        limits.max_concurrency = nodes;
    }
    inner.finish();
    limits
}

/// An amount of money, best as text: a number has been through a float.
fn cost(reader: &mut Reader<'_>, field: &'static str) -> Option<Decimal> {
    let text = match reader.get(field)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        other => {
            reader.fault(
                field,
                format!(
                    "must be an amount in US dollars such as \"0.50\", not {}",
                    kind(other)
                ),
            );
            return None;
        }
    };
    let amount = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
    match amount {
        Ok(amount) if amount.is_sign_negative() && !amount.is_zero() => {
            reader.fault(field, "must not be negative");
            None
        }
        Ok(amount) => Some(amount),
        Err(_) => {
            reader.fault(field, "must be an amount in US dollars such as \"0.50\"");
            None
        }
    }
}

fn node(fields: &Map<String, Value>, path: &str, faults: &mut Vec<Fault>) -> Draft {
    let mut reader = Reader::new(path, fields, faults);
    let variable_name = variable_name(&mut reader);
    let id = id(&mut reader, variable_name.as_deref());
    let depends_on = reader.texts("dependsOn").unwrap_or_default();
    let mut retry = Retry::default();
    if let Some(fields) = reader.object("retry") {
        let mut inner = Reader::new(reader.path_of("retry"), fields, reader.faults());
        if let Some(Ok(attempts)) = inner.whole("maxAttempts", 1..=20).map(u32::try_from) {
            retry.max_attempts = attempts;
        }
        inner.finish();
    }
    let timeout_seconds = reader
        .whole("timeoutSeconds", 1..=840)
        .map(i64::unsigned_abs);
    let mut templates = Vec::new();
    let kind = match reader.required_text("type") {
        Some("openrouter") => {
            let read = openrouter::read(&mut reader);
            templates = reader.finish();
            read.map(Kind::OpenRouter)
        }
        Some(other) => {
            // Its other fields are unknown with its type: nothing more can be said of them.
            reader.fault(
                "type",
                format!(
                    "unknown node type `{other}`{}",
                    known_names(other, NODE_TYPES)
                ),
            );
            None
        }
        None => None,
    };
    let unknown_type = !matches!(
        fields.get("type").and_then(Value::as_str),
        Some("openrouter")
    );
    let node = match (&id, &variable_name, kind) {
        (Some(id), Some(variable_name), Some(kind)) => Some(Node {
            id: id.clone(),
            variable_name: variable_name.clone(),
            depends_on: depends_on.clone(),
            kind,
            retry,
            timeout_seconds,
        }),
        _ => None,
    };
    Draft {
        path: path.to_owned(),
        id,
        variable_name,
        depends_on,
        templates,
        unknown_type,
        node,
    }
}

fn variable_name(reader: &mut Reader<'_>) -> Option<String> {
    const FIELD: &str = "variableName";
    let name = reader.required_text(FIELD)?;
    let mut characters = name.chars();
    let starts = |character: char| character.is_ascii_alphabetic() || "_$".contains(character);
    if !characters.next().is_some_and(starts)
        || !characters.all(|character| starts(character) || character.is_ascii_digit())
    {
        reader.fault(
            FIELD,
            "must begin with a letter, `_` or `$` and go on with letters, digits, `_` or `$`",
        );
        return None;
    }
    if name.len() > 64 {
        reader.fault(
            FIELD,
            format!("has {} characters; the most is 64", name.len()),
        );
        return None;
    }
    if RESERVED.contains(&name) {
        reader.fault(
            FIELD,
            format!("`{name}` is reserved; reserved are {}", RESERVED.join(", ")),
        );
        return None;
    }
    Some(name.to_owned())
}

fn id(reader: &mut Reader<'_>, variable_name: Option<&str>) -> Option<String> {
    let Some(value) = reader.get("id") else {
        return variable_name.map(ToOwned::to_owned);
    };
    let plain = |id: &str| {
        !id.is_empty()
            && id.len() <= 64
            && id
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || "_$-".contains(character))
    };
    match value.as_str() {
        Some(id) if plain(id) => Some(id.to_owned()),
        _ => {
            reader.fault(
                "id",
                "must be a text of 1 to 64 letters, digits, `_`, `$` or `-`",
            );
            None
        }
    }
}
