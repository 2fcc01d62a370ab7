//! Where the secret is that signs a workflow's callbacks. The secret itself is in Secrets Manager.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys;
use crate::table::item::kept_by_serde;
use crate::table::key::PK;
use crate::table::{Attribute, Put, Table};
use crate::workflow::SecretVersion;
use crate::{Error, Record, millis};

/// What signs a workflow's callbacks, without what is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackSecret {
    /// Where it is.
    pub secret: SecretVersion,
    /// The public key that belongs to it: `whpk_` and base64.
    pub public_key: String,
    /// The public key before it, while that is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_public_key: Option<String>,
    /// When the first one was made.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
    /// When it was last replaced.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    pub rotated_at: Option<Timestamp>,
    /// Until when the one before it signs too.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    pub previous_until: Option<Timestamp>,
    /// Counts the changes; 1 for the first.
    pub revision: u64,
}

const SECRET: Attribute<CallbackSecret> = Attribute::new("callbackSecret");
const REVISION: Attribute<u64> = Attribute::new("revision");

kept_by_serde!(CallbackSecret);

/// The callback secrets of workflows.
#[derive(Debug, Clone)]
pub struct CallbackSecrets(pub(crate) Table);

impl CallbackSecrets {
    /// The workflow's; `None` where it has none of its own.
    pub async fn find(&self, workflow_id: &str) -> Result<Option<CallbackSecret>, Error> {
        let item = self.0.get(keys::callback_secret(workflow_id)).await?;
        item.map(|item| SECRET.get(&item)).transpose()
    }

    /// The workflow's, or [`Error::NotFound`].
    pub async fn get(&self, workflow_id: &str) -> Result<CallbackSecret, Error> {
        let found = self.find(workflow_id).await?;
        found.ok_or_else(|| Record::CallbackSecret.not_found(workflow_id))
    }

    /// Stores it, if the stored one has the revision before; else [`Error::Conflict`].
    pub async fn put(&self, workflow_id: &str, secret: &CallbackSecret) -> Result<(), Error> {
        let unchanged = match secret.revision {
            1 => PK.missing(),
            revision => SECRET.field(REVISION).is(revision.saturating_sub(1)),
        };
        let put = Put::of(keys::callback_secret(workflow_id))
            .when(unchanged)
            .set(SECRET, secret);
        if self.0.write(put).await? {
            return Ok(());
        }
        Err(Record::CallbackSecret.conflict(workflow_id))
    }

    /// Removes the record, or [`Error::NotFound`].
    pub async fn remove(&self, workflow_id: &str) -> Result<(), Error> {
        match self.0.take(keys::callback_secret(workflow_id)).await? {
            Some(_) => Ok(()),
            None => Err(Record::CallbackSecret.not_found(workflow_id)),
        }
    }
}
