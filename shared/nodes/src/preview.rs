//! What a try of a node would send, and what it may cost, told before anything is sent.

use rust_decimal::Decimal;
use serde_json::Value;

/// What a try would send. No secret is read for it: where one would be sent, `sends` names its credential.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// What would be sent, or become the variable, as JSON; its fields are the kind's own.
    pub sends: Value,
    /// Of a call of a model: what it may cost.
    pub call: Option<CallPreview>,
}

/// What a call of a model may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPreview {
    /// How many tokens the prompts probably have: one for every four bytes.
    pub tokens_about: usize,
    /// How many they have at most, as budgets count them: one for every two bytes, and a few for the wrapping.
    pub tokens_at_most: usize,
    /// The most tokens that are generated.
    pub max_tokens: u32,
    /// What the call may cost at most, USD; else the model that has no price in the list.
    pub most_usd: Result<Decimal, String>,
    /// What it may cost at most with another model in place of the node's own, USD; `None` where that has no price.
    pub by_model: Vec<(String, Option<Decimal>)>,
}
