//! The workflow document as it is kept.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use steps_template::Template;

/// A graph of nodes. Made by [`parse`](crate::parse); its serde form is the canonical JSON that is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workflow {
    /// 1 to 128 characters.
    pub name: String,
    /// What it is for, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the trigger's input, where the author declares one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Prefixes of the addresses that a finished run may be posted to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callbacks: Vec<String>,
    /// 1 to 500 nodes, in the order they were written.
    pub nodes: Vec<Node>,
    /// What a run may use.
    #[serde(default)]
    pub limits: Limits,
}

/// One step of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Unique in the workflow; the variable's name when left out.
    pub id: String,
    /// The name that templates read its output by.
    pub variable_name: String,
    /// Ids of nodes that must succeed first, beside those that its templates name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What it does.
    #[serde(flatten)]
    pub kind: Kind,
    /// How often it is tried.
    #[serde(default)]
    pub retry: Retry,
    /// The longest that one try may take, 1 to 840 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

/// What a node does, by its `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Kind {
    /// A call of a model through OpenRouter.
    #[serde(rename = "openrouter")]
    OpenRouter(OpenRouterNode),
}

/// A call of a model through OpenRouter. Options left out are not sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenRouterNode {
    /// What is asked of OpenRouter.
    #[serde(default)]
    pub operation: Operation,
    /// Id or name of the credential whose key pays.
    pub credential: String,
    /// Model id, such as `openai/gpt-4o-mini`.
    #[serde(default = "default_model")]
    pub model: String,
    /// Models to fall back to, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Template of the system message.
    #[serde(default = "default_system_prompt")]
    pub system_prompt: Template,
    /// Template of the user's message.
    pub user_prompt: Template,
    /// The most tokens to generate, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// From 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f64>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_a: Option<f64>,
    /// -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f64>,
    /// For repeatable sampling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Up to 4 texts that end the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// OpenRouter's own `response_format` object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<Map<String, Value>>,
    /// OpenRouter's own `reasoning` object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Map<String, Value>>,
    /// OpenRouter's own `provider` object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Map<String, Value>>,
    /// OpenRouter's own `plugins` objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Map<String, Value>>,
    /// `["middle-out"]`, or an empty list to switch it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transforms: Option<Vec<String>>,
    /// `low` to `max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<String>,
    /// Such as `auto`, `flex` or `priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The end user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Groups requests; up to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Up to 16 pairs; keys up to 64 characters, values up to 512.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// What is asked of OpenRouter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// A text answer.
    #[default]
    Chat,
}

/// How often a node is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Tries in all, the first included: 1 to 20.
    pub max_attempts: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 5 }
    }
}

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// US dollars, as text in JSON. No limit when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost_usd: Option<Decimal>,
    /// The same for all of the workflow's runs on one day (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost_usd_per_day: Option<Decimal>,
    /// How long the run may take, 1 to 86 400 seconds.
    pub timeout_seconds: u64,
    /// How many nodes run at once, 1 to 40.
    pub max_concurrency: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_cost_usd: None,
            max_cost_usd_per_day: None,
            timeout_seconds: 3600,
            max_concurrency: 10,
        }
    }
}

pub(crate) fn default_model() -> String {
    "openai/gpt-4o-mini".to_owned()
}

/// It has no tags, so it can be read.
pub(crate) fn default_system_prompt() -> Template {
    Template::parse("You are a helpful assistant.").unwrap_or_default()
}

impl Node {
    /// Its templates, each with the field it stands in.
    pub fn templates(&self) -> impl Iterator<Item = (&'static str, &Template)> {
        let Kind::OpenRouter(node) = &self.kind;
        [
            ("systemPrompt", &node.system_prompt),
            ("userPrompt", &node.user_prompt),
        ]
        .into_iter()
    }
}

impl Workflow {
    /// Reads the canonical JSON of a workflow that was checked when it was stored; does not check it again. Its
    /// templates are parsed here, once.
    ///
    /// # Errors
    /// The text is not such JSON, or one of its templates cannot be parsed.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The node of this id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }
}
