//! The node's fields.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use steps_openrouter::{DEFAULT_MODEL, DEFAULT_SYSTEM_PROMPT};
use steps_template::Template;

use super::options::Options;

/// A call of a model through OpenRouter. Options left out are not sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Chat {
    /// What is asked of OpenRouter.
    #[serde(default)]
    #[schemars(schema_with = "operation")]
    pub(super) operation: Operation,
    /// Id or name of the credential whose key pays.
    #[schemars(schema_with = "credential")]
    pub(super) credential: String,
    /// Model id.
    #[serde(default = "default_model")]
    #[schemars(schema_with = "model_id")]
    pub(super) model: String,
    /// Models to fall back to, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "model_ids")]
    pub(super) models: Vec<String>,
    /// Template of the system message.
    #[serde(default = "default_system_prompt")]
    pub(super) system_prompt: Template,
    /// Template of the user's message.
    #[schemars(regex(pattern = r"\S"), extend("errorMessage" = {"pattern": "must not be empty"}))]
    pub(super) user_prompt: Template,
    #[serde(flatten)]
    pub(super) options: Options,
}

impl Chat {
    /// A call of this model; with the usual system message where none is given.
    pub(crate) fn of(
        credential: &str,
        model: &str,
        system_prompt: Option<Template>,
        user_prompt: Template,
        options: Options,
    ) -> Self {
        Self {
            operation: Operation::default(),
            credential: credential.to_owned(),
            model: model.to_owned(),
            models: Vec::new(),
            system_prompt: system_prompt.unwrap_or_else(default_system_prompt),
            user_prompt,
            options,
        }
    }
}

/// What is asked of OpenRouter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Operation {
    /// A text answer.
    #[default]
    Chat,
}

fn default_model() -> String {
    DEFAULT_MODEL.to_owned()
}

/// It has no tags, so it can be read.
fn default_system_prompt() -> Template {
    Template::parse(DEFAULT_SYSTEM_PROMPT).unwrap_or_default()
}

fn operation(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["chat"]})
}

/// A key in the place of its name is refused without being repeated.
fn credential(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"\S",
        "not": {"pattern": r"^\s*sk-"},
        "errorMessage": {
            "pattern": "must not be empty",
            "not": "this is an API key, and a workflow must not hold one: store the key as a credential and give that credential's id or name here; then replace the key, for it has been written down",
        },
    })
}

fn model_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "pattern": r"^(\S*|\s+)$",
        "not": {"pattern": r"^\s+$"},
        "errorMessage": {
            "minLength": "must not be empty; leave it out for the default",
            "not": "must not be empty; leave it out for the default",
            "pattern": "a model id holds no spaces; it looks like `openai/gpt-4o-mini`",
        },
    })
}

fn model_ids(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": model_id(generator)})
}
