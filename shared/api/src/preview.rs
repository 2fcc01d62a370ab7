//! `POST /workflows/preview`: what a node would send and may cost, with given values or those of a past run.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use steps_problem::Fault;

use crate::WorkflowDocument;

/// The body of `POST /workflows/preview`. The node is of `document`; where that is left out, of a version of `workflowId`;
/// where both are, of the run's own document.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewNode {
    /// The id of the node.
    pub node: String,
    /// A document that need not be stored. It may have faults: they are told, and what can be rendered is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<WorkflowDocument>,
    /// The id of a stored workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// Its version; left out: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// A run whose input, trigger and variables the templates see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The input that the templates see, an object; it takes the place of the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Variables that they see, by name; they take the place of the run's.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// Of a node with `forEach`: which item of its list is previewed, from 0; the first where left out.
    #[serde(default)]
    pub index: usize,
    /// Models, up to 100: what the call may cost at most with each of them in place of the node's own is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub models: Vec<String>,
}

/// The answer of `POST /workflows/preview`. Nothing was called, and nothing was stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewView {
    /// The id of the node.
    pub node: String,
    /// Its `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its templates, each rendered; those that could not be are among the `faults`.
    pub fields: Vec<RenderedField>,
    /// What would be sent, by kind. `openrouter`: the request's body. `http`: `method`, `url`, `headers`, `body`,
    /// `credential`, the name of what is sent along, and `sendsIdempotencyKey`. `lambda`: `function`, `payload`. `set`:
    /// `value`. A secret is never in it. `null` where a template could not be rendered, and where it has more than a million
    /// bytes.
    pub sends: Option<Value>,
    /// Whether the node would be skipped because its `when` is not true. `null` where it has none, or could not be rendered.
    pub skipped: Option<bool>,
    /// Of a node with `forEach`: how many items its list has. `null` where that is not known.
    pub items: Option<usize>,
    /// Of a call of a model: its tokens and cost. `null` for other kinds, and where a prompt could not be rendered.
    pub call: Option<CallView>,
    /// Faults of the document, and what is missing in the templates of this node, each with its path.
    pub faults: Vec<Fault>,
}

/// A template, rendered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RenderedField {
    /// The field that the template stands in, such as `userPrompt` or `headers.accept`.
    pub field: String,
    /// The text, without what looks like a key; of a longer one the first 100 000 characters.
    pub text: String,
    /// How many bytes the whole text has.
    pub bytes: usize,
}

/// What a call of a model may cost.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// How many tokens the prompts probably have: one for every four bytes.
    pub prompt_tokens_about: usize,
    /// How many they have at most, as a budget counts them: one for every two bytes, and a few for the wrapping.
    pub prompt_tokens_at_most: usize,
    /// The most tokens that are generated: the node's `maxTokens`.
    pub max_tokens: u32,
    /// What one try of it may cost at most, USD, as a budget reserves it. `null` where a model has no price in the list.
    pub most_usd: Option<Decimal>,
    /// Why `mostUsd` is `null`.
    pub unpriced: Option<String>,
    /// What it may cost at most with each of the `models` that were asked for in place of its own.
    pub by_model: Vec<ModelCost>,
}

/// What a call may cost with another model.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelCost {
    /// The model's id.
    pub model: String,
    /// The most that a try may cost, USD. `null` where the model has no price in the list.
    pub most_usd: Option<Decimal>,
}
