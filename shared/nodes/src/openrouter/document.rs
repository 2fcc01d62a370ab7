//! The node's fields.

use std::borrow::Cow;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_openrouter::{DEFAULT_MODEL, DEFAULT_SYSTEM_PROMPT, Role};
use steps_template::Template;

use super::messages::{self, Turn};
use super::options::Options;
use super::variable::CONVERSATION;

/// A call of a model through OpenRouter. Options left out are not sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("allOf" = prompts()))]
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
    /// Template of the system message; `You are a helpful assistant.` where there are no `messages` either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system_prompt: Option<Template>,
    /// Template of the user's message. Required, unless there are `messages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"\S"), extend("errorMessage" = {"pattern": "must not be empty"}))]
    pub(super) user_prompt: Option<Template>,
    /// In place of the two prompts: the messages of a conversation, with images, files, sound and video.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "messages::schema")]
    pub(super) messages: Vec<Turn>,
    /// The variable of an earlier `openrouter` node: its conversation goes on here.
    #[serde(rename = "continue", default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "continued")]
    pub(super) continued: Option<Continued>,
    /// Whether the model is asked once to correct an answer that is not what `responseFormat` asks for.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub(super) repair: bool,
    /// Whether the output tells, in `routing`, how OpenRouter led the call to its model and provider.
    #[serde(default, skip_serializing_if = "is_no")]
    pub(super) show_routing: bool,
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
            system_prompt,
            user_prompt: Some(user_prompt),
            messages: Vec::new(),
            continued: None,
            repair: true,
            show_routing: false,
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

fn yes() -> bool {
    true
}

fn is_no(flag: &bool) -> bool {
    !flag
}

/// It has no tags, so it can be read.
static DEFAULT_SYSTEM: LazyLock<Template> =
    LazyLock::new(|| Template::parse(DEFAULT_SYSTEM_PROMPT).unwrap_or_default());

/// The user's prompt, or messages.
fn prompts() -> Value {
    json!([
        {"if": {"not": {"required": ["messages"]}}, "then": {"required": ["userPrompt"]}},
        {
            "if": {"required": ["messages"]},
            "then": {"properties": {
                "userPrompt": {"not": {}, "errorMessage": "give `messages` or `userPrompt`, not both"},
                "systemPrompt": {"not": {}, "errorMessage": "give `messages` or `systemPrompt`, not both: the first message may have the role `system`"},
            }},
        },
    ])
}

/// The variable of the node whose conversation goes on, and the template that reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Continued {
    variable: String,
    template: Template,
}

impl From<String> for Continued {
    fn from(variable: String) -> Self {
        // Another text than a name is refused by the schema.
        let template = Template::parse(&format!("{{{{json {variable}.{CONVERSATION}}}}}"));
        Self {
            template: template.unwrap_or_default(),
            variable,
        }
    }
}

impl From<Continued> for String {
    fn from(continued: Continued) -> Self {
        continued.variable
    }
}

impl Continued {
    pub(super) fn variable(&self) -> &str {
        &self.variable
    }

    pub(super) fn template(&self) -> &Template {
        &self.template
    }
}

fn continued(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z_$][A-Za-z0-9_$]{0,63}$",
        "errorMessage": {"pattern": "must be the `variableName` of another node"},
    })
}

impl Chat {
    /// Its templates, each with its path.
    pub(super) fn all_templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let mut found = Vec::new();
        if let Some(continued) = &self.continued {
            found.push((Cow::Borrowed("continue"), continued.template()));
        }
        if let Some(system) = self.system() {
            found.push((Cow::Borrowed("systemPrompt"), system));
        }
        if let Some(user) = &self.user_prompt {
            found.push((Cow::Borrowed("userPrompt"), user));
        }
        for (index, turn) in self.messages.iter().enumerate() {
            turn.templates(&format!("messages[{index}]"), &mut found);
        }
        found
    }

    /// The system prompt: its own, or the usual one where a conversation begins with two prompts.
    fn system(&self) -> Option<&Template> {
        let begins = self.messages.is_empty() && self.continued.is_none();
        let usual = begins.then(|| &*DEFAULT_SYSTEM);
        self.system_prompt.as_ref().or(usual)
    }

    /// Its messages, those of its prompts included.
    pub(super) fn turns(&self) -> Vec<Turn> {
        let system = self.system().map(|text| Turn::text(Role::System, text));
        let user = self.user_prompt.as_ref();
        let user = user.map(|text| Turn::text(Role::User, text));
        let prompts = system.into_iter().chain(self.messages.iter().cloned());
        prompts.chain(user).collect()
    }
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
