//! The node's fields.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::form::Form;

/// A call of a Lambda function. The deployment names the functions that may be called. The function's answer is the
/// variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Lambda {
    /// The function: its ARN as the deployment's list has it, or its name.
    #[schemars(schema_with = "function")]
    pub(super) function: String,
    /// What it is called with: JSON whose texts are templates, or a template that gives JSON; `{}` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<Form>,
    /// Errors of the function after which it is called again, by their `errorType`. Left out: after none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub(super) retry_on: Vec<String>,
    /// Whether it may be called again where it is not known what became of a call; false when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) repeatable: Option<bool>,
}

impl Lambda {
    /// What is to be said of a payload that is a plain text and no JSON.
    pub(super) fn plain_text(&self) -> Option<&'static str> {
        let Some(Form::Text(template)) = &self.payload else {
            return None;
        };
        let is_json = serde_json::from_str::<serde_json::Value>(template.as_str()).is_ok();
        (!template.has_tags() && !is_json).then_some(
            "a text here has to be JSON once it is rendered, such as `\"a text\"` with its quotes",
        )
    }
}

fn function(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 256,
        "pattern": r"^\s*[A-Za-z0-9_:$.-]+\s*$",
        "errorMessage": {"pattern": "must be the name or the ARN of a function; no template"},
    })
}
