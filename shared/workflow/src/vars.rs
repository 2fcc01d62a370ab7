//! The variables of the deployment that a document names: its templates read them as `vars.name`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use steps_problem::{Fault, did_you_mean};
use steps_template::{Reference, VARS};

use crate::document::Workflow;
use crate::path::field;

impl Workflow {
    /// Whether a template names variables of the deployment.
    #[must_use]
    pub fn names_vars(&self) -> bool {
        !self.references_to_vars().is_empty()
    }

    /// Of all variables of the deployment those that the templates name, as the object that they read; all of them where a
    /// template reads `vars` as a whole. `None` where no template names any.
    #[must_use]
    pub fn named_vars(&self, all: &BTreeMap<String, Value>) -> Option<Value> {
        let references = self.references_to_vars();
        if references.is_empty() {
            return None;
        }
        let names: Option<BTreeSet<&str>> = references
            .iter()
            .map(|(_, reference)| reference.field.as_deref())
            .collect();
        let named = all
            .iter()
            .filter(|(name, _)| {
                names
                    .as_ref()
                    .is_none_or(|names| names.contains(name.as_str()))
            })
            .map(|(name, value)| (name.clone(), value.clone()));
        Some(Value::Object(named.collect::<Map<_, _>>()))
    }

    /// A warning for each variable of the deployment that a template names and that is not set.
    #[must_use]
    pub fn unset_vars(&self, all: &BTreeMap<String, Value>) -> Vec<Fault> {
        let mut told = BTreeSet::new();
        let mut warnings = Vec::new();
        for (path, reference) in self.references_to_vars() {
            let Some(name) = reference.field.as_deref() else {
                continue;
            };
            if all.contains_key(name) || !told.insert((path.clone(), name)) {
                continue;
            }
            let meant = did_you_mean(name, all.keys().map(String::as_str));
            warnings.push(Fault {
                path,
                line: Some(reference.line),
                column: Some(reference.column),
                message: format!(
                    "the variable `{name}` of the deployment is not set{meant}; a run that needs it fails: PUT /vars/{name}"
                ),
            });
        }
        warnings
    }

    /// Every place that names one, with its path. In a document of an earlier release a node may have the name.
    fn references_to_vars(&self) -> Vec<(String, &Reference)> {
        if self.variables().contains(&VARS) {
            return Vec::new();
        }
        let nodes = self.nodes.iter().enumerate();
        let templates = nodes.flat_map(|(index, node)| {
            let templates = node.templates().into_iter();
            templates
                .map(move |(name, template)| (field(&format!("nodes[{index}]"), &name), template))
        });
        let references = templates.flat_map(|(path, template)| {
            let references = template.names().references.iter();
            references.map(move |reference| (path.clone(), reference))
        });
        references
            .filter(|(_, reference)| reference.root == VARS)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Format, parse};

    fn workflow(nodes: &Value) -> Workflow {
        let document = json!({ "name": "w", "nodes": nodes }).to_string();
        parse(&document, Format::Json).unwrap()
    }

    #[test]
    fn a_run_sees_what_its_templates_name_and_is_warned_of_what_is_not_set() {
        let all: BTreeMap<String, Value> = [
            ("team".to_owned(), json!({"mail": "a@example.com"})),
            ("other".to_owned(), json!(1)),
        ]
        .into();
        let one = workflow(&json!([
            {"type": "set", "variableName": "x", "value": "{{vars.team.mail}} {{vars.taem}} {{vars.taem}}"},
        ]));
        assert_eq!(one.named_vars(&all), Some(json!({"team": all["team"]})));
        let warnings = one.unset_vars(&all);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(warnings[0].path, "nodes[0].value");
        assert!(
            warnings[0].message.contains("did you mean `team`"),
            "{warnings:?}"
        );
        let whole = workflow(&json!([
            {"type": "set", "variableName": "x", "value": "{{json vars}}", "when": "{{vars.a}}"},
        ]));
        assert_eq!(whole.named_vars(&all), Some(json!(all)));
        let none = workflow(&json!([{"type": "set", "variableName": "x", "value": "{{team}}"}]));
        assert!(!none.names_vars());
        assert_eq!(none.named_vars(&all), None);
    }

    #[test]
    fn vars_is_a_reserved_name() {
        let document = json!({ "name": "w", "nodes": [
            {"type": "set", "variableName": "vars", "value": "1"},
        ]});
        let faulty = parse(&document.to_string(), Format::Json).unwrap_err();
        assert_eq!(faulty.faults[0].path, "nodes[0].variableName");
        let document = json!({
            "name": "w", "input": {"type": "object", "properties": {"topic": {}}},
            "nodes": [{"type": "set", "variableName": "x", "value": "{{vars.team}} {{topic}}"}],
        });
        assert!(parse(&document.to_string(), Format::Json).is_ok());
    }
}
