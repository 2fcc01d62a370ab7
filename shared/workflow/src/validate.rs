//! Checks of the whole graph: names, references, cycles; and the warnings of a workflow.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::Value;
use steps_nodes::KnownModels;
use steps_openrouter::ModelList;
use steps_problem::{Fault, did_you_mean, known_names, near_miss};
use steps_template::{Reference, Template, VARS};

use crate::document::{Node, OF_ITEM, OnError, Workflow};
use crate::graph::Graph;
use crate::need::stand_ins;
use crate::path::field;
use crate::{input, schema, words};

/// The names at a template's root that hold what started the run, and the variables of the deployment.
const RESERVED: [&str; 2] = ["trigger", VARS];

fn at(index: usize) -> String {
    format!("nodes[{index}]")
}

/// A node that stands alone must not read its own output.
pub(crate) fn own_output(node: &Node) -> Vec<Fault> {
    let fault = |(field, template): (Cow<'_, str>, &Template)| {
        let mut references = node.references(&field, template);
        let own = references.find(|reference| reference.root == node.variable_name)?;
        Some(placed(field, own, itself(&own.root)))
    };
    node.templates().into_iter().filter_map(fault).collect()
}

/// Checks names, references and cycles over all nodes. A name that could not be read is empty.
pub(crate) fn graph(nodes: &[Node], input: Option<&Value>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let variables = unique(
        nodes,
        "variableName",
        |node| &node.variable_name,
        &mut faults,
    );
    let ids = unique(nodes, "id", |node| &node.id, &mut faults);
    let declared = input.and_then(input::closed_properties);
    let stand_ins = stand_ins(nodes, &ids);
    let mut graph = Graph::new(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        for (template_field, template) in node.templates() {
            let path = field(&at(index), &template_field);
            // A name that a template reads ten times is one fault.
            let mut told = BTreeSet::new();
            for reference in node.references(&template_field, template) {
                let key = (&reference.root, &reference.field);
                match variables.get(reference.root.as_str()) {
                    Some(&needed) if needed == index => {
                        if told.insert((&reference.root, &None)) {
                            faults.push(placed(&path, reference, itself(&reference.root)));
                        }
                    }
                    Some(&needed) => {
                        graph.add(index, needed);
                        let fallback = stand_ins.get(&needed).filter(|&&other| other != index);
                        fallback
                            .into_iter()
                            .for_each(|&other| graph.add(index, other));
                        let needed = nodes.get(needed);
                        if let Some(message) = needed.and_then(|node| no_field(reference, node))
                            && told.insert(key)
                        {
                            faults.push(placed(&path, reference, message));
                        }
                    }
                    None => {
                        if let Some(declared) = &declared
                            && let Some(message) =
                                unknown_name(reference, declared, variables.keys().copied())
                            && told.insert((&reference.root, &None))
                        {
                            faults.push(placed(&path, reference, message));
                        }
                    }
                }
            }
        }
        if let Some(id) = node.on_error.fallback() {
            let path = format!("nodes[{index}].onError.fallback");
            match ids.get(id) {
                Some(&other) if other == index => {
                    faults.push(Fault::at(
                        path,
                        format!("the node `{id}` cannot stand in for itself"),
                    ));
                }
                Some(&other)
                    if stand_ins
                        .iter()
                        .any(|(node, by)| *by == other && *node < index) =>
                {
                    faults.push(Fault::at(
                        path,
                        format!("the node `{id}` is already the fallback of another node"),
                    ));
                }
                Some(&other) => graph.add(other, index),
                None => faults.push(Fault::at(
                    path,
                    format!(
                        "no node has the id `{id}`{}",
                        did_you_mean(id, ids.keys().copied())
                    ),
                )),
            }
        }
        for (position, id) in node.depends_on.iter().enumerate() {
            let path = format!("nodes[{index}].dependsOn[{position}]");
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
        let name = |index: &usize| nodes.get(*index).map_or("?", |node| node.id.as_str());
        let first = cycle.first();
        let names: Vec<&str> = cycle.iter().chain(first).map(name).collect();
        faults.push(Fault::at(
            first.map_or_else(String::new, |index| at(*index)),
            format!(
                "these nodes wait for each other: {} (each needs the next)",
                names.join(" -> ")
            ),
        ));
    }
    faults
}

/// The first node of each name; a later one of the same name is a fault.
fn unique<'n>(
    nodes: &'n [Node],
    what: &str,
    name: impl Fn(&'n Node) -> &'n str,
    faults: &mut Vec<Fault>,
) -> BTreeMap<&'n str, usize> {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let name = name(node);
        let other = first
            .get(name)
            .and_then(|&other| Some((other, nodes.get(other)?)));
        match other {
            _ if name.is_empty() => {}
            None => {
                first.insert(name, index);
            }
            // Where no id is written, the id is the variable's name, and one fault is enough.
            Some((_, other))
                if what == "id"
                    && node.variable_name == other.variable_name
                    && node.variable_name == name => {}
            Some((other, _)) => faults.push(Fault::at(
                field(&at(index), what),
                format!("`{name}` is already the {what} of {}", at(other)),
            )),
        }
    }
    first
}

fn placed(path: impl Into<String>, reference: &Reference, message: String) -> Fault {
    Fault {
        path: path.into(),
        line: Some(reference.line),
        column: Some(reference.column),
        message,
    }
}

fn itself(name: &str) -> String {
    format!("`{name}` is this node's own output, which does not exist yet")
}

fn no_field(reference: &Reference, node: &Node) -> Option<String> {
    let field = reference.field.as_deref()?;
    if node.for_each.is_some() {
        let is_of_list = field == "length" || field.bytes().all(|byte| byte.is_ascii_digit());
        return (!is_of_list && node.on_error == OnError::Fail).then(|| {
            let root = &reference.root;
            format!(
                "`{root}` is a list, of one output for each item: read the first by `{{{{{root}.0.{field}}}}}`, all by \
                 `{{{{#each {root}}}}}{{{{this.{field}}}}}{{{{/each}}}}`"
            )
        });
    }
    let mut fields = node.kind.output_fields()?;
    match node.on_error {
        OnError::Fail => {}
        OnError::Continue => fields.push("error"),
        // What its fallback gives is not known here.
        OnError::Fallback(_) => return None,
    }
    if fields.contains(&field) {
        return None;
    }
    let root = &reference.root;
    Some(format!(
        "`{root}` has no field `{field}`{}",
        known_names(field, fields)
    ))
}

fn unknown_name<'v>(
    reference: &Reference,
    declared: &BTreeSet<&'v str>,
    variables: impl Iterator<Item = &'v str>,
) -> Option<String> {
    let name = reference.root.as_str();
    if RESERVED.contains(&name) || declared.contains(name) {
        return None;
    }
    let names: BTreeSet<&str> = declared
        .iter()
        .copied()
        .chain(variables)
        .chain(RESERVED)
        .collect();
    Some(format!(
        "unknown variable `{name}`{}",
        known_names(name, names)
    ))
}

impl Workflow {
    /// Every model that the workflow names.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().flat_map(|node| node.kind.models())
    }

    /// What is allowed and probably a slip: a name near a node's variable, a word that OpenRouter may not know, and what
    /// the model list, where it is known, says of the models.
    #[must_use]
    pub fn warnings(&self, list: Option<&ModelList>, today: Date) -> Vec<Fault> {
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
        if declared.contains(VARS) {
            let message =
                "the templates' `vars` are the variables of the deployment: they hide this field";
            warnings.push(Fault::at(format!("input.properties.{VARS}"), message));
        }
        let models = list.map(|list| KnownModels::new(list, today));
        for (index, node) in self.nodes.iter().enumerate() {
            let path = at(index);
            if declared.contains(node.variable_name.as_str()) {
                warnings.push(Fault::at(
                    format!("{path}.variableName"),
                    format!(
                        "`{}` is a field of the input too; the node's output hides it",
                        node.variable_name
                    ),
                ));
            }
            for name in OF_ITEM.iter().filter(|_| node.for_each.is_some()) {
                if variables.contains(name) {
                    let message = format!(
                        "`{name}` is the variable of a node too; in this node it is that of the list"
                    );
                    warnings.push(Fault::at(format!("{path}.forEach"), message));
                }
            }
            let mut told = BTreeSet::new();
            for (template_field, template) in node.templates() {
                for reference in node.references(&template_field, template) {
                    let name = reference.root.as_str();
                    if RESERVED.contains(&name)
                        || variables.contains(name)
                        || declared.contains(name)
                    {
                        continue;
                    }
                    if let Some(meant) = variables.iter().find(|variable| near_miss(name, variable))
                        && told.insert((template_field.clone(), name.to_owned()))
                    {
                        let message = format!(
                            "`{name}` is read from the trigger's input; did you mean the node's variable `{meant}`?"
                        );
                        warnings.push(placed(
                            format!("{path}.{template_field}"),
                            reference,
                            message,
                        ));
                    }
                }
            }
            if let Ok(value) = serde_json::to_value(&node.kind) {
                let kind = value.get("type").and_then(Value::as_str);
                let part = schema::node_of(kind.unwrap_or_default());
                words::unusual(&part.schema, &value, &path, &mut warnings);
            }
            let of_kind = node.kind.warnings(models.as_ref()).into_iter();
            warnings.extend(of_kind.map(|fault| Fault {
                path: field(&path, &fault.path),
                ..fault
            }));
        }
        warnings
    }
}
