//! How a sender proves itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::HmacForm;

/// How a sender proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`, or the same three named `svix-...`.
    Standard,
    /// `X-Hub-Signature-256`.
    Github,
    /// `Stripe-Signature`.
    Stripe,
    /// `X-Slack-Signature`, with `X-Slack-Request-Timestamp`.
    Slack,
    /// An HMAC of the body in a header, in the form that the webhook's `hmac` gives.
    Hmac,
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

    /// Who makes the secret where its sender does, and takes none from elsewhere.
    pub fn secret_maker(self) -> Option<&'static str> {
        match self {
            Self::Stripe => Some("Stripe"),
            Self::Slack => Some("Slack"),
            _ => None,
        }
    }

    /// Whether its senders may send JSON as the one field `payload` of a form.
    pub fn may_wrap_json(self) -> bool {
        matches!(self, Self::Github | Self::Slack)
    }
}

/// A mode with what it needs to know: how one webhook's senders prove themselves.
#[derive(Debug, Clone, Copy)]
pub struct Scheme<'a> {
    /// The mode.
    pub mode: Mode,
    /// The form of the signature in mode `hmac`. Without it that mode accepts nothing.
    pub hmac: Option<&'a HmacForm>,
}

impl From<Mode> for Scheme<'static> {
    fn from(mode: Mode) -> Self {
        Self { mode, hmac: None }
    }
}
