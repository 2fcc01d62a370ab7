//! How a sender proves itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a sender proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// `X-Hub-Signature-256`.
    Github,
    /// `Stripe-Signature`.
    Stripe,
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// The sender proves nothing: anybody who knows the address may deliver.
    None,
}

impl Mode {
    /// Whether this mode has a secret.
    pub fn has_secret(self) -> bool {
        self != Self::None
    }
}
