//! JSON whose texts are templates.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_template::{RenderError, Template};

/// A JSON value, or why a rendered text is none.
pub(crate) type Json = Result<Value, String>;

/// A JSON value whose texts are templates. The keys of objects are no templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Form {
    /// A template.
    Text(Template),
    /// A list of such values.
    List(Vec<Form>),
    /// An object of such values.
    Object(BTreeMap<String, Form>),
    /// A number, true, false or null.
    Plain(Value),
}

impl Form {
    /// Every template in it, with its path; `path` is its own.
    pub(crate) fn templates<'f>(
        &'f self,
        path: &str,
        found: &mut Vec<(Cow<'static, str>, &'f Template)>,
    ) {
        match self {
            Self::Text(template) => found.push((Cow::Owned(path.to_owned()), template)),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.templates(&format!("{path}[{index}]"), found);
                }
            }
            Self::Object(fields) => {
                for (name, field) in fields {
                    field.templates(&format!("{path}.{name}"), found);
                }
            }
            Self::Plain(_) => {}
        }
    }

    /// The value with its templates rendered. Where it is a text, that is JSON once it is rendered: what templates insert by
    /// `{{json x}}` keeps its kind.
    pub(crate) fn render_json(&self, context: &Value, known: &[&str]) -> Result<Json, RenderError> {
        match self {
            Self::Text(template) => {
                let text = template.render(context, known)?;
                Ok(serde_json::from_str(&text).map_err(|error| error.to_string()))
            }
            other => other.render(context, known).map(Ok),
        }
    }

    /// The fields of an object.
    pub(crate) fn fields(&self) -> Option<Vec<&str>> {
        match self {
            Self::Object(fields) => Some(fields.keys().map(String::as_str).collect()),
            _ => None,
        }
    }

    /// The value with its templates rendered.
    pub(crate) fn render(&self, context: &Value, known: &[&str]) -> Result<Value, RenderError> {
        Ok(match self {
            Self::Text(template) => Value::String(template.render(context, known)?),
            Self::List(items) => items
                .iter()
                .map(|item| item.render(context, known))
                .collect::<Result<_, _>>()?,
            Self::Object(fields) => fields
                .iter()
                .map(|(name, field)| Ok((name.clone(), field.render(context, known)?)))
                .collect::<Result<_, RenderError>>()?,
            Self::Plain(value) => value.clone(),
        })
    }
}

impl JsonSchema for Form {
    fn schema_name() -> Cow<'static, str> {
        "Form".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "object", "array", "number", "boolean"]})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_is_a_template_and_everything_else_stays() {
        let form: Form = serde_json::from_value(json!({
            "title": "{{draft.text}}!", "tags": ["{{topic}}", 3, null, true], "empty": {},
        }))
        .unwrap();
        let mut templates = Vec::new();
        form.templates("value", &mut templates);
        let paths: Vec<&str> = templates.iter().map(|(path, _)| path.as_ref()).collect();
        assert_eq!(paths, ["value.tags[0]", "value.title"]);
        assert_eq!(form.fields(), Some(vec!["empty", "tags", "title"]));
        let context = json!({"draft": {"text": "Tea"}, "topic": "drinks"});
        assert_eq!(
            form.render(&context, &[]).unwrap(),
            json!({"title": "Tea!", "tags": ["drinks", 3, null, true], "empty": {}})
        );
    }

    #[test]
    fn a_text_may_be_json_once_it_is_rendered() {
        let context = json!({"list": [1, "two"]});
        let render = |form: Value| {
            let form: Form = serde_json::from_value(form).unwrap();
            form.render_json(&context, &[]).unwrap()
        };
        let text = render(json!(r#"{"items": {{json list}}}"#));
        assert_eq!(text, Ok(json!({"items": [1, "two"]})));
        assert_eq!(render(json!({"n": "{{list.[0]}}"})), Ok(json!({"n": "1"})));
        assert!(render(json!("no JSON")).is_err());
    }
}
