//! Webhooks of a workflow, without their secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use steps_signatures::{HmacForm, Mode, Scheme};

use crate::keys;
use crate::table::item::kept_by_serde;
use crate::table::key::PK;
use crate::table::{Attribute, Put, Table};
use crate::{Error, Record, millis};

/// A webhook without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The workflow it starts.
    pub workflow_id: String,
    /// Unique in the workflow, chosen by its owner.
    pub name: String,
    /// How a sender proves itself.
    pub mode: Mode,
    /// The form of the signature in mode `hmac`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<HmacForm>,
    /// How many seconds a signed time may be before or after the present.
    pub tolerance_seconds: u32,
    /// Whether deliveries are accepted.
    pub enabled: bool,
    /// Where its secret is; `None` where its mode has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVersion>,
    /// When it was put first.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
    /// When its secret was last replaced.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    pub rotated_at: Option<Timestamp>,
    /// Until when the previous secret stays good.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    pub previous_until: Option<Timestamp>,
    /// Counts the changes; 1 for the first put.
    pub revision: u64,
}

impl Webhook {
    /// How its senders prove themselves.
    pub fn scheme(&self) -> Scheme<'_> {
        Scheme {
            mode: self.mode,
            hmac: self.hmac.as_ref(),
        }
    }
}

/// Where a webhook's secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretVersion {
    /// The last part of the secret's name.
    pub id: String,
    /// Secrets Manager's id of the version.
    pub version: String,
}

const WEBHOOK: Attribute<Webhook> = Attribute::new("webhook");
const REVISION: Attribute<u64> = Attribute::new("revision");

kept_by_serde!(Webhook);

/// Webhooks of workflows.
#[derive(Debug, Clone)]
pub struct Webhooks(pub(crate) Table);

impl Webhooks {
    /// Stores the webhook, if the stored one has the revision before; else [`Error::Conflict`].
    pub async fn put(&self, webhook: &Webhook) -> Result<(), Error> {
        let unchanged = match webhook.revision {
            1 => PK.missing(),
            revision => WEBHOOK.field(REVISION).is(revision.saturating_sub(1)),
        };
        let put = Put::of(keys::webhook(&webhook.workflow_id, &webhook.name))
            .when(unchanged)
            .set(WEBHOOK, webhook);
        if self.0.write(put).await? {
            return Ok(());
        }
        Err(Record::Webhook.conflict(&webhook.name))
    }

    /// The webhook; `None` where there is none.
    pub async fn find(&self, workflow_id: &str, name: &str) -> Result<Option<Webhook>, Error> {
        let item = self.0.get(keys::webhook(workflow_id, name)).await?;
        item.map(|item| WEBHOOK.get(&item)).transpose()
    }

    /// The webhook, or [`Error::NotFound`].
    pub async fn get(&self, workflow_id: &str, name: &str) -> Result<Webhook, Error> {
        let found = self.find(workflow_id, name).await?;
        found.ok_or_else(|| not_found(workflow_id, name))
    }

    /// Every webhook of the workflow, by name.
    pub async fn list(&self, workflow_id: &str) -> Result<Vec<Webhook>, Error> {
        let items = self.0.all_under(&keys::webhooks(workflow_id)).await?;
        items.iter().map(|item| WEBHOOK.get(item)).collect()
    }

    /// Removes the webhook and gives it, or [`Error::NotFound`].
    pub async fn remove(&self, workflow_id: &str, name: &str) -> Result<Webhook, Error> {
        match self.0.take(keys::webhook(workflow_id, name)).await? {
            Some(item) => WEBHOOK.get(&item),
            None => Err(not_found(workflow_id, name)),
        }
    }
}

fn not_found(workflow_id: &str, name: &str) -> Error {
    Record::Webhook.not_found(format!("{workflow_id}/{name}"))
}
