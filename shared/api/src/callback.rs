//! Callbacks: the secrets that sign them, and the deliveries of a run.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_store::{CallbackSecret, Delivery, DeliveryAttempt, DeliveryStatus, millis};

use crate::secret::Secret;

/// The body of `POST /workflows/{id}/callback-secret/rotate`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateCallbackSecret {
    /// Seconds that what signed before signs too; a day where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_592_000))]
    pub overlap_seconds: Option<u32>,
}

/// What signs a workflow's callbacks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallbackSecretView {
    /// The workflow.
    pub workflow_id: String,
    /// The public key that signatures of version `v1a` are verified with: `whpk_` and base64.
    pub public_key: String,
    /// The one before it, while that signs too.
    pub previous_public_key: Option<String>,
    /// When the first one was made.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub created_at: Timestamp,
    /// When it was last replaced.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub rotated_at: Option<Timestamp>,
    /// Until when what signed before signs too.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub previous_until: Option<Timestamp>,
    /// The secret that signatures of version `v1` are verified with, in the one answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

impl CallbackSecretView {
    /// The workflow's, as it is at `now`, without the secret.
    pub fn of(workflow_id: &str, record: CallbackSecret, now: Timestamp) -> Self {
        let previous_until = record.previous_until.filter(|until| now < *until);
        Self {
            workflow_id: workflow_id.to_owned(),
            public_key: record.public_key,
            previous_public_key: record
                .previous_public_key
                .filter(|_| previous_until.is_some()),
            created_at: record.created_at,
            rotated_at: record.rotated_at,
            previous_until,
            secret: None,
        }
    }
}

/// The post of a run's end to its callback address.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// The `webhook-id` of its posts.
    pub id: String,
    /// The number of the execution whose end it tells of.
    pub execution: u32,
    /// Whom it is posted to: a host and its port.
    pub host: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// The posts, the first one first; at most the last 50.
    pub attempts: Vec<DeliveryAttempt>,
    /// When it was queued, or queued again.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub queued_at: Timestamp,
    /// When it is posted again, about.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub next_attempt_at: Option<Timestamp>,
}

impl DeliveryView {
    /// The delivery with this `webhook-id` to this host.
    pub fn of(id: String, host: &str, delivery: Delivery) -> Self {
        Self {
            id,
            execution: delivery.take,
            host: host.to_owned(),
            status: delivery.status,
            attempts: delivery.attempts,
            queued_at: delivery.queued_at,
            next_attempt_at: delivery.next_at,
        }
    }
}

/// The answer of `GET /runs/{id}/deliveries`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryList {
    /// The first execution's first.
    pub deliveries: Vec<DeliveryView>,
}
