//! A node whose `type` is not known. What its fields say is still checked, so that one answer tells every fault.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use steps_problem::{Fault, Problem};
use steps_template::Template;

use crate::known_models::KnownModels;

/// The texts of such a node: those with tags are taken for templates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub(crate) struct Unread {
    fields: Map<String, Value>,
    templates: Vec<(String, Template)>,
    credential: Option<String>,
    model: Option<String>,
}

impl From<Map<String, Value>> for Unread {
    fn from(fields: Map<String, Value>) -> Self {
        let text = |field: &str| fields.get(field)?.as_str().map(str::to_owned);
        let template = |(field, value): (&String, &Value)| {
            let text = value.as_str().filter(|text| text.contains("{{"))?;
            Some((field.clone(), Template::parse(text).ok()?))
        };
        Self {
            templates: fields.iter().filter_map(template).collect(),
            // A key that stands there is not a name, and must not be repeated.
            credential: text("credential").filter(|name| !name.trim_start().starts_with("sk-")),
            model: text("model"),
            fields,
        }
    }
}

impl From<Unread> for Map<String, Value> {
    fn from(unread: Unread) -> Self {
        unread.fields
    }
}

impl Unread {
    pub(crate) fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        self.templates
            .iter()
            .map(|(field, template)| (Cow::Owned(field.clone()), template))
            .collect()
    }

    pub(crate) fn credentials(&self) -> Vec<(Cow<'static, str>, &str)> {
        let credential = self.credential.as_deref();
        credential
            .into_iter()
            .map(|name| (Cow::Borrowed("credential"), name))
            .collect()
    }

    pub(crate) fn models(&self) -> Vec<&str> {
        self.model.as_deref().into_iter().collect()
    }

    pub(crate) fn warnings(&self, models: Option<&KnownModels<'_>>) -> Vec<Fault> {
        let message = models
            .zip(self.model.as_deref())
            .and_then(|(models, id)| models.not_listed(id));
        message
            .into_iter()
            .map(|message| Fault::at("model", message))
            .collect()
    }

    /// Such a node is never stored, so nothing runs it.
    pub(crate) fn cannot_run(&self) -> Problem {
        Problem::new(
            422,
            "InvalidNode",
            "Invalid Node",
            "the node's type is not known",
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_in_the_place_of_a_credential_is_no_name() {
        let read = |credential: &str| -> Unread {
            serde_json::from_value(json!({"credential": credential})).unwrap()
        };
        assert_eq!(read("main").credentials().len(), 1);
        assert!(read(" sk-0123456789").credentials().is_empty());
    }
}
