//! Checks of the whole graph: names, references, cycles; and the warnings of a workflow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use steps_problem::{Fault, did_you_mean, known_names, near_miss};
use steps_template::{Reference, Template};

use crate::document::{Kind, Node, OpenRouterNode, Workflow};
use crate::graph::Graph;
use crate::{input, openrouter};

/// The name at a template's root that holds what started the run.
const TRIGGER: &str = "trigger";

/// A node as far as it could be read.
pub(crate) struct Draft {
    pub(crate) path: String,
    pub(crate) id: Option<String>,
    pub(crate) variable_name: Option<String>,
    pub(crate) depends_on: Vec<String>,
    /// The templates that could be parsed, each with its path.
    pub(crate) templates: Vec<(String, Template)>,
    /// Its output's fields are not known.
    pub(crate) unknown_type: bool,
    pub(crate) node: Option<Node>,
}

impl Draft {
    fn field(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }
}

/// A node that stands alone must not read its own output.
pub(crate) fn own_output(draft: &Draft, faults: &mut Vec<Fault>) {
    for (path, template) in &draft.templates {
        let own = |reference: &&Reference| Some(&reference.root) == draft.variable_name.as_ref();
        if let Some(reference) = template.names().references.iter().find(own) {
            faults.push(placed(path, reference, itself(&reference.root)));
        }
    }
}

/// Checks names, references and cycles over all nodes.
pub(crate) fn graph(drafts: &[Draft], input: Option<&Value>, faults: &mut Vec<Fault>) {
    let variables = unique(
        drafts,
        "variableName",
        |draft| draft.variable_name.as_deref(),
        faults,
    );
    let ids = unique(drafts, "id", |draft| draft.id.as_deref(), faults);
    let declared = input.and_then(input::closed_properties);
    let mut graph = Graph::new(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        for (path, template) in &draft.templates {
            // A name that a template reads ten times is one fault.
            let mut told = BTreeSet::new();
            for reference in &template.names().references {
                let key = (&reference.root, &reference.field);
                match variables.get(reference.root.as_str()) {
                    Some(&needed) if needed == index => {
                        if told.insert((&reference.root, &None)) {
                            faults.push(placed(path, reference, itself(&reference.root)));
                        }
                    }
                    Some(&needed) => {
                        graph.add(index, needed);
                        let unknown = drafts.get(needed).is_some_and(|draft| draft.unknown_type);
                        if !unknown
                            && let Some(message) = unknown_field(reference)
                            && told.insert(key)
                        {
                            faults.push(placed(path, reference, message));
                        }
                    }
                    None => {
                        if let Some(declared) = &declared
                            && let Some(message) =
                                unknown_name(reference, declared, variables.keys().copied())
                            && told.insert((&reference.root, &None))
                        {
                            faults.push(placed(path, reference, message));
                        }
                    }
                }
            }
        }
        for (position, id) in draft.depends_on.iter().enumerate() {
            let path = draft.field(&format!("dependsOn[{position}]"));
            match ids.get(id.as_str()) {
                Some(&needed) if needed == index => {
                    faults.push(Fault::at(
                        path,
                        format!("the node `{id}` depends on itself"),
                    ));
                }
                Some(&needed) => graph.add(index, needed),
                None => faults.push(Fault::at(
                    path,
                    format!(
                        "no node has the id `{id}`{}",
                        did_you_mean(id, ids.keys().copied())
                    ),
                )),
            }
        }
    }
    for cycle in graph.cycles() {
        let name = |index: &usize| {
            drafts
                .get(*index)
                .and_then(|draft| draft.id.as_deref().or(draft.variable_name.as_deref()))
                .unwrap_or("?")
        };
        let first = cycle.first();
        let names: Vec<&str> = cycle.iter().chain(first).map(name).collect();
        let path = first
            .and_then(|index| drafts.get(*index))
            .map_or_else(String::new, |draft| draft.path.clone());
        faults.push(Fault::at(
            path,
            format!(
                "these nodes wait for each other: {} (each needs the next)",
                names.join(" -> ")
            ),
        ));
    }
}

/// The first node of each name; a later one of the same name is a fault.
fn unique<'d>(
    drafts: &'d [Draft],
    field: &str,
    name: impl Fn(&'d Draft) -> Option<&'d str>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<&'d str, usize> {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let Some(name) = name(draft) else { continue };
        match first.get(name).and_then(|&index| drafts.get(index)) {
            None => {
                first.insert(name, index);
            }
            // An id that was not written is the variable's name again: one fault says enough.
            Some(other)
                if field == "id"
                    && draft.variable_name == other.variable_name
                    && draft.variable_name.as_deref() == Some(name) => {}
            Some(other) => faults.push(Fault::at(
                draft.field(field),
                format!("`{name}` is already the {field} of {}", other.path),
            )),
        }
    }
    first
}

fn placed(path: &str, reference: &Reference, message: String) -> Fault {
    Fault {
        path: path.to_owned(),
        line: Some(reference.line),
        column: Some(reference.column),
        message,
    }
}

fn itself(name: &str) -> String {
    format!("`{name}` is this node's own output, which does not exist yet")
}

fn unknown_field(reference: &Reference) -> Option<String> {
    let field = reference.field.as_deref()?;
    if OpenRouterNode::OUTPUT_FIELDS.contains(&field) {
        return None;
    }
    let root = &reference.root;
    Some(format!(
        "`{root}` has no field `{field}`{}",
        known_names(field, OpenRouterNode::OUTPUT_FIELDS)
    ))
}

fn unknown_name<'v>(
    reference: &Reference,
    declared: &BTreeSet<&'v str>,
    variables: impl Iterator<Item = &'v str>,
) -> Option<String> {
    let name = reference.root.as_str();
    if name == TRIGGER || declared.contains(name) {
        return None;
    }
    let names: BTreeSet<&str> = declared
        .iter()
        .copied()
        .chain(variables)
        .chain([TRIGGER])
        .collect();
    Some(format!(
        "unknown variable `{name}`{}",
        known_names(name, names)
    ))
}

impl Workflow {
    /// What is allowed and probably a slip: a name near a node's variable, a word that OpenRouter may not know.
    #[must_use]
    pub fn warnings(&self) -> Vec<Fault> {
        let variables: BTreeSet<&str> = self
            .nodes
            .iter()
            .map(|node| node.variable_name.as_str())
            .collect();
        let declared = self
            .input
            .as_ref()
            .map(input::properties)
            .unwrap_or_default();
        let mut warnings = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let path = format!("nodes[{index}]");
            if declared.contains(node.variable_name.as_str()) {
                warnings.push(Fault::at(
                    format!("{path}.variableName"),
                    format!(
                        "`{}` is a field of the input too; the node's output hides it",
                        node.variable_name
                    ),
                ));
            }
            let mut told = BTreeSet::new();
            for (field, template) in node.templates() {
                for reference in &template.names().references {
                    let name = reference.root.as_str();
                    if name == TRIGGER || variables.contains(name) || declared.contains(name) {
                        continue;
                    }
                    if let Some(meant) = variables.iter().find(|variable| near_miss(name, variable))
                        && told.insert((field, name.to_owned()))
                    {
                        let message = format!(
                            "`{name}` is read from the trigger's input; did you mean the node's variable `{meant}`?"
                        );
                        warnings.push(placed(&format!("{path}.{field}"), reference, message));
                    }
                }
            }
            let Kind::OpenRouter(call) = &node.kind;
            warnings.extend(openrouter::warnings(call, &path));
        }
        warnings
    }
}
