//! Nodes of a workflow editor: each with `variableName`, `credentialId`, `model`, `systemPrompt` and `userPrompt`, in its `data`
//! or beside its `id`; with positions, and connections by the nodes' ids. Their templates are Handlebars, as here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Imported;
use super::draft::{Draft, Fields, after};

/// What of a node is its own: the rest is the editor's.
const OF_THE_EDITOR: [&str; 14] = [
    "id",
    "name",
    "type",
    "position",
    "positionAbsolute",
    "width",
    "height",
    "measured",
    "selected",
    "dragging",
    "workflowId",
    "createdAt",
    "updatedAt",
    "data",
];

/// Providers whose models OpenRouter has too: the type of the node, and how their models' ids begin there.
const PROVIDERS: [(&str, &str); 6] = [
    ("OPENAI", "openai/"),
    ("ANTHROPIC", "anthropic/"),
    ("GEMINI", "google/"),
    ("MISTRAL", "mistralai/"),
    ("DEEPSEEK", "deepseek/"),
    ("XAI", "x-ai/"),
];

/// Whether a node is one of such an editor.
pub(super) fn is_node(value: &Value) -> bool {
    let fields = value.get("data").unwrap_or(value);
    let has = |name: &str| fields.get(name).is_some() || value.get(name).is_some();
    has("userPrompt") || has("credentialId") || value.get("data").is_some_and(Value::is_object)
}

/// Takes over a document of such an editor: `nodes` with `connections` or `edges`, a list of nodes, or one node.
pub(super) fn import(value: &Value) -> Imported {
    let mut draft = Draft::default();
    let (nodes, root): (Vec<&Value>, &str) = match value {
        Value::Array(nodes) => (nodes.iter().collect(), ""),
        _ => match value.get("nodes").and_then(Value::as_array) {
            Some(nodes) => (nodes.iter().collect(), "nodes"),
            None => (vec![value], "-"),
        },
    };
    let mut places = BTreeMap::new();
    let mut taken = BTreeMap::new();
    for (place, node) in nodes.iter().enumerate() {
        let path = match root {
            "-" => String::new(),
            root => format!("{root}[{place}]"),
        };
        if let Some(id) = node.get("id").and_then(Value::as_str) {
            places.insert(id.to_owned(), place);
        }
        if let Some((variable, made)) = take(node, &path, &mut draft) {
            draft.add(made);
            taken.insert(place, variable);
        }
    }
    let edges = edges(value, &places, &mut draft);
    let mut top = Fields::of(Some(value), "");
    if root == "nodes" {
        let ignored = [
            "id",
            "name",
            "nodes",
            "connections",
            "edges",
            "userId",
            "createdAt",
            "updatedAt",
            "viewport",
        ];
        top.ignore(&ignored);
        top.rest(&mut draft, "a document here has no such field");
    }
    let name = value.get("name").and_then(Value::as_str);
    let name = name.filter(|_| root == "nodes").unwrap_or("imported");
    let (document, notes) = draft.finish(name, &after(&edges, &taken));
    Imported {
        form: "editor",
        document: Value::Object(document),
        notes,
    }
}

/// The connections, by the places of their nodes.
fn edges(
    value: &Value,
    places: &BTreeMap<String, usize>,
    draft: &mut Draft,
) -> Vec<(usize, usize)> {
    let mut edges = Vec::new();
    for list in ["connections", "edges"] {
        let all = value.get(list).and_then(Value::as_array);
        for (index, edge) in all.into_iter().flatten().enumerate() {
            let end = |names: [&str; 3]| {
                let id = names.iter().find_map(|name| edge.get(*name)?.as_str());
                id.and_then(|id| places.get(id)).copied()
            };
            let from = end(["fromNodeId", "source", "from"]);
            let to = end(["toNodeId", "target", "to"]);
            match (from, to) {
                (Some(from), Some(to)) => edges.push((from, to)),
                _ => draft.note(
                    format!("{list}[{index}]"),
                    "leads from or to no node: it is left out",
                ),
            }
        }
    }
    edges
}

/// A node of this product made of one of the editor's, with its variable.
fn take(node: &Value, path: &str, draft: &mut Draft) -> Option<(String, Map<String, Value>)> {
    let kind = node
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("OPENROUTER");
    let kind = kind.to_ascii_uppercase();
    let in_data = node.get("data").is_some_and(Value::is_object);
    let data = if in_data {
        node.get("data")
    } else {
        Some(node)
    };
    let at = if in_data {
        crate::path::field(path, "data")
    } else {
        path.to_owned()
    };
    let mut fields = Fields::of(data, at);
    let provider = PROVIDERS.iter().find(|(of, _)| *of == kind);
    let mut made = Map::new();
    match kind.as_str() {
        "HTTP" | "HTTP_REQUEST" => http(&mut fields, &mut made, draft),
        "OPENROUTER" => chat(&mut fields, &mut made, None, draft),
        _ if provider.is_some() => chat(&mut fields, &mut made, provider.copied(), draft),
        _ => {
            draft.note(path, not_taken(&kind));
            return None;
        }
    }
    let wanted = fields.text("variableName");
    let id = node.get("id").and_then(Value::as_str).unwrap_or("answer");
    let variable = draft.variable(wanted.as_deref().unwrap_or(id));
    if let Some(wanted) = wanted.filter(|wanted| *wanted != variable) {
        draft.note(
            fields.at("variableName"),
            format!("the variable is `{variable}` here; templates that read `{wanted}` have to be corrected"),
        );
    }
    made.insert("variableName".to_owned(), json!(variable));
    fields.ignore(&OF_THE_EDITOR);
    fields.rest(draft, "a node of this kind has no such field here");
    Some((variable, made))
}

fn chat(
    fields: &mut Fields,
    made: &mut Map<String, Value>,
    provider: Option<(&str, &str)>,
    draft: &mut Draft,
) {
    made.insert("type".to_owned(), json!("openrouter"));
    if let Some((of, _)) = provider {
        draft.note(
            fields.at("credentialId"),
            format!("a node of type {of} is taken over as a call through OpenRouter: give it a credential with a key of OpenRouter"),
        );
    }
    let credential = fields
        .text("credentialId")
        .or_else(|| fields.text("credential"));
    if let Some(credential) = credential {
        if provider.is_none() {
            draft.note(
                fields.at("credentialId"),
                "the credential is the other product's: store its key with POST /credentials, and put that credential's id or name here",
            );
        }
        made.insert("credential".to_owned(), json!(credential));
    }
    if let Some(model) = fields.text("model") {
        let model = match provider {
            Some((_, begin)) if !model.contains('/') => {
                draft.note(
                    fields.at("model"),
                    format!("OpenRouter may name the model otherwise than `{begin}{model}`: compare with GET /models"),
                );
                format!("{begin}{model}")
            }
            _ => model,
        };
        made.insert("model".to_owned(), json!(model));
    }
    for name in ["systemPrompt", "userPrompt"] {
        if let Some(prompt) = fields.text(name) {
            made.insert(name.to_owned(), json!(prompt));
        }
    }
    for name in [
        "temperature",
        "maxTokens",
        "topP",
        "topK",
        "frequencyPenalty",
        "presencePenalty",
        "seed",
    ] {
        if let Some(value) = fields.take(name) {
            made.insert(name.to_owned(), value);
        }
    }
}

fn http(fields: &mut Fields, made: &mut Map<String, Value>, draft: &mut Draft) {
    made.insert("type".to_owned(), json!("http"));
    if let Some(url) = fields.text("endpoint").or_else(|| fields.text("url")) {
        made.insert("url".to_owned(), json!(url));
    }
    if let Some(method) = fields.text("method") {
        made.insert("method".to_owned(), json!(method.to_ascii_uppercase()));
    }
    if let Some(body) = fields.text("body").filter(|body| !body.trim().is_empty()) {
        draft.note(
            fields.at("body"),
            "is sent as JSON: a template that gives JSON",
        );
        made.insert("body".to_owned(), json!({ "json": body }));
    }
}

/// Why a node of this type is not taken over, and what to do instead.
fn not_taken(kind: &str) -> String {
    let instead = match kind {
        "INITIAL" | "MANUAL_TRIGGER" => {
            "a run is started with POST /workflows/{id}/runs, and needs no node for it"
        }
        _ if kind.contains("TRIGGER") => {
            "what starts a run is no node here: make a webhook with PUT /workflows/{id}/webhooks/{webhook}, or a schedule"
        }
        _ => "send it with an `http` node, or give the run a `callbackUrl`",
    };
    format!("a node of type {kind} is not taken over: {instead}")
}
