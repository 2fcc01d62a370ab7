//! Webhooks: what callers send, and what they are answered.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_signatures::{HmacForm, Mode};
use steps_store::{Webhook, millis};

use crate::run::SkippedRun;
use crate::run_view::RunView;
use crate::secret::Secret;

/// The body of `PUT /workflows/{id}/webhooks/{webhook}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutWebhook {
    /// How senders prove themselves.
    pub mode: Mode,
    /// The form of the signature: needed in mode `hmac`, and in no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<HmacForm>,
    /// Seconds that a signed time may be off, both ways.
    #[serde(default = "tolerance")]
    #[schemars(range(min = 1, max = 86_400))]
    pub tolerance_seconds: u32,
    /// Whether deliveries are taken.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The secret that senders use. Left out, the one that is there stays, or one is made and shown once. Modes
    /// `stripe` and `slack` need the one that Stripe or Slack shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

fn tolerance() -> u32 {
    300
}

fn enabled() -> bool {
    true
}

/// The body of `POST /workflows/{id}/webhooks/{webhook}/rotate`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateWebhook {
    /// Seconds that the old secret stays good; a day where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_592_000))]
    pub overlap_seconds: Option<u32>,
    /// The new secret. Left out, one is made and shown once. Modes `stripe` and `slack` need the one that is shown
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

/// A webhook.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    /// The workflow that it starts.
    pub workflow_id: String,
    /// Unique in the workflow, chosen by its owner.
    pub name: String,
    /// How senders prove themselves.
    pub mode: Mode,
    /// The form of the signature: needed in mode `hmac`, and in no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<HmacForm>,
    /// Seconds that a signed time may be off, both ways.
    pub tolerance_seconds: u32,
    /// Whether deliveries are taken.
    pub enabled: bool,
    /// Where deliveries are posted to: a path of this API.
    pub path: String,
    /// When it was put first.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub created_at: Timestamp,
    /// When its secret was last replaced.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub rotated_at: Option<Timestamp>,
    /// Until when the secret before stays good.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub previous_secret_until: Option<Timestamp>,
    /// The secret, in the one answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        Self {
            path: format!("/hooks/{}/{}", webhook.workflow_id, webhook.name),
            workflow_id: webhook.workflow_id,
            name: webhook.name,
            mode: webhook.mode,
            hmac: webhook.hmac,
            tolerance_seconds: webhook.tolerance_seconds,
            enabled: webhook.enabled,
            created_at: webhook.created_at,
            rotated_at: webhook.rotated_at,
            previous_secret_until: webhook.previous_until,
            secret: None,
        }
    }
}

/// The answer of a delivery whose outcome is known at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Delivered {
    /// Slack asked whether the address is the owner's: its challenge comes back, and no run starts.
    Challenge(Challenge),
    /// As many runs of the workflow go on as may: no run starts.
    Skipped(SkippedRun),
    /// The run, where it ended while the caller waited.
    Run(Box<RunView>),
}

/// The challenge that Slack sends to a new address.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// The text that Slack sent.
    pub challenge: String,
}

/// The answer of `GET /workflows/{id}/webhooks`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WebhookList {
    /// Every webhook of the workflow, by name.
    pub webhooks: Vec<WebhookView>,
}
