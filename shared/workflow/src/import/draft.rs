//! A document that is made of another product's, and what of that could not be taken over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use steps_problem::Fault;
use steps_template::Template;

use crate::document::RESERVED_NAMES;

/// Most characters of an expression in a note.
const SHOWN: usize = 120;

/// The document so far, and the notes.
#[derive(Debug, Default)]
pub(super) struct Draft {
    nodes: Vec<Map<String, Value>>,
    notes: Vec<Fault>,
    variables: BTreeSet<String>,
}

impl Draft {
    /// Notes that something is not taken over, or not quite. `path` is its place in what was brought.
    pub(super) fn note(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.notes.push(Fault::at(path, message));
    }

    /// A name for a node's variable that no other node has, as near to what is wanted as templates allow.
    pub(super) fn variable(&mut self, wanted: &str) -> String {
        let near = name(wanted);
        let mut free = near.clone();
        let mut number = 2;
        while !self.variables.insert(free.clone()) {
            free = format!("{near}{number}");
            number += 1;
        }
        free
    }

    /// Adds a node.
    pub(super) fn add(&mut self, node: Map<String, Value>) {
        self.nodes.push(node);
    }

    /// The document of this name. `after` are the variables of the nodes that a node comes after: `dependsOn` has those that
    /// its templates do not read.
    pub(super) fn finish(
        self,
        name: &str,
        after: &BTreeMap<String, BTreeSet<String>>,
    ) -> (Map<String, Value>, Vec<Fault>) {
        let nodes: Vec<Value> = self
            .nodes
            .into_iter()
            .map(|mut node| {
                let variable = node.get("variableName").and_then(Value::as_str);
                let before = variable.and_then(|variable| after.get(variable));
                let mut read = BTreeSet::new();
                node.values().for_each(|value| roots(value, &mut read));
                let others = before.into_iter().flatten();
                let others: Vec<&String> = others.filter(|other| !read.contains(*other)).collect();
                if !others.is_empty() {
                    node.insert("dependsOn".to_owned(), json!(others));
                }
                Value::Object(node)
            })
            .collect();
        let name: String = name.trim().chars().take(128).collect();
        let name = if name.is_empty() { "imported" } else { &name };
        let mut document = Map::new();
        document.insert("name".to_owned(), json!(name));
        document.insert("nodes".to_owned(), Value::Array(nodes));
        (document, self.notes)
    }
}

/// The names at the root that the templates in a value read.
fn roots(value: &Value, read: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            if let Ok(template) = Template::parse(text) {
                read.extend(template.names().roots().into_iter().map(str::to_owned));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| roots(item, read)),
        Value::Object(fields) => fields.values().for_each(|field| roots(field, read)),
        _ => {}
    }
}

/// A name of a variable that is near to this text: `Basic LLM Chain` gives `basicLLMChain`.
fn name(wanted: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
    let mut name = String::new();
    for word in wanted
        .split(|letter| !is_part(letter))
        .filter(|word| !word.is_empty())
    {
        let mut letters = word.chars();
        let first = letters.next().unwrap_or_default();
        if name.is_empty() && wanted.contains(' ') {
            name.push(first.to_ascii_lowercase());
        } else if name.is_empty() {
            name.push(first);
        } else {
            name.push(first.to_ascii_uppercase());
        }
        name.extend(letters);
    }
    name.truncate(56);
    let begins = name
        .chars()
        .next()
        .is_some_and(|first| !first.is_ascii_digit());
    if !begins || RESERVED_NAMES.contains(&name.as_str()) {
        name.insert_str(0, "node");
    }
    name
}

/// A part of what was brought, field by field: what nobody takes is noted.
#[derive(Debug)]
pub(super) struct Fields {
    fields: Map<String, Value>,
    path: String,
}

impl Fields {
    /// The fields of an object; none of another value.
    pub(super) fn of(value: Option<&Value>, path: impl Into<String>) -> Self {
        let fields = value.and_then(Value::as_object).cloned();
        Self {
            fields: fields.unwrap_or_default(),
            path: path.into(),
        }
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Takes a text out; another value stays.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.fields.get(name) {
            Some(Value::String(_)) => match self.fields.remove(name) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Takes an object out, to be taken field by field.
    pub(super) fn within(&mut self, name: &str) -> Self {
        let path = self.at(name);
        let value = match self.fields.get(name) {
            Some(Value::Object(_)) => self.fields.remove(name),
            _ => None,
        };
        Self::of(value.as_ref(), path)
    }

    /// The path of a field.
    pub(super) fn at(&self, name: &str) -> String {
        crate::path::field(&self.path, name)
    }

    /// Drops fields that mean nothing here.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.fields.remove(*name);
        }
    }

    /// Notes what is left and says something.
    pub(super) fn rest(self, draft: &mut Draft, why: &str) {
        for (name, value) in &self.fields {
            let says_nothing = match value {
                Value::Null | Value::Bool(false) => true,
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                _ => false,
            };
            if !says_nothing {
                draft.note(self.at(name), format!("`{name}` is not taken over: {why}"));
            }
        }
    }
}

/// A text that is no template, as a template.
pub(super) fn literal(text: &str) -> String {
    text.replace("{{", "\\{{")
}

/// A text as a note shows it.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

/// Which nodes come directly before each node that is taken over, by variables: what is not taken over is passed through.
pub(super) fn after(
    edges: &[(usize, usize)],
    taken: &BTreeMap<usize, String>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut after = BTreeMap::new();
    for (&place, variable) in taken {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::from([place]);
        let mut open: Vec<usize> = vec![place];
        while let Some(at) = open.pop() {
            for &(from, _) in edges.iter().filter(|(_, to)| *to == at) {
                if !seen.insert(from) {
                    continue;
                }
                match taken.get(&from) {
                    Some(before) => {
                        found.insert(before.clone());
                    }
                    None => open.push(from),
                }
            }
        }
        after.insert(variable.clone(), found);
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_named_as_near_as_templates_allow_and_once() {
        let mut draft = Draft::default();
        for (wanted, name) in [
            ("Basic LLM Chain", "basicLLMChain"),
            ("Basic LLM Chain", "basicLLMChain2"),
            ("gptResponse", "gptResponse"),
            ("1st", "node1st"),
            ("trigger", "nodetrigger"),
            ("Übung", "bung"),
            ("", "node"),
            ("a-b", "aB"),
        ] {
            assert_eq!(draft.variable(wanted), name, "{wanted}");
        }
    }
}
