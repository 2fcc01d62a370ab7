//! What was done to a credential, by whom and when. A row is written in the transaction of its change.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::credential::handle::Credentials;
use crate::keys;
use crate::table::item::{kept_by_serde, text};
use crate::table::key::PK;
use crate::table::page::{Page, cursor_key, key_cursor};
use crate::table::{Attribute, Put, Query};
use crate::{Error, millis};

/// What can be done to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It was made.
    Created,
    /// It got another name.
    Renamed,
    /// Its owner put another key in its place.
    KeyReplaced,
    /// Its daily budget was set, changed or taken away.
    BudgetSet,
    /// Its rotation was switched on, changed or switched off.
    RotationSet,
    /// Someone asked for a rotation now.
    RotationRequested,
    /// Its key was rotated.
    Rotated,
    /// It was deleted.
    Deleted,
    /// It was restored after a deletion.
    Restored,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// The principal that the authorizer let in, such as `api-token`, or the AWS service that did it, such as `secrets-manager`.
    pub principal: String,
    /// The address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
}

/// One row: who did what, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// Who.
    pub actor: Actor,
    /// What it changed, such as the names or the last four characters of the keys; never a key.
    #[serde(default)]
    pub details: Value,
}

impl AuditEntry {
    /// A row for something that is done now.
    pub fn now(action: Action, actor: &Actor, details: Value) -> Self {
        Self {
            at: Timestamp::now(),
            action,
            actor: actor.clone(),
            details,
        }
    }
}

const ENTRY: Attribute<AuditEntry> = Attribute::new("entry");

kept_by_serde!(AuditEntry);

/// The write of a row, for the transaction of its change.
pub(super) fn row(credential_id: &str, entry: &AuditEntry) -> Put {
    Put::of(keys::audit_row(credential_id, Uuid::now_v7()))
        .when(PK.missing())
        .set(ENTRY, entry)
}

impl Credentials {
    /// Writes a row alone, for an action that does not change the credential's record.
    pub async fn audit(&self, credential_id: &str, entry: &AuditEntry) -> Result<(), Error> {
        self.0.transact([row(credential_id, entry).into()]).await?;
        Ok(())
    }

    /// What was done to a credential, the newest first. Also of a deleted one.
    pub async fn audit_of(
        &self,
        credential_id: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<AuditEntry>, Error> {
        let pk = keys::audit(credential_id);
        let start = cursor.map(cursor_key).transpose()?;
        // Checked here: where the start is outside of the partition, DynamoDB's own refusal does not name the cursor.
        if start
            .as_ref()
            .is_some_and(|start| start.get(PK.name()) != Some(&text(&pk)) || start.len() != 2)
        {
            return Err(Error::BadCursor);
        }
        let query = Query::of(PK.is(pk)).backwards().limit(limit).start(start);
        let (items, next) = self.0.page(query).await?;
        let rows = items.iter().map(|item| ENTRY.get(item));
        Ok(Page {
            rows: rows.collect::<Result<_, Error>>()?,
            cursor: next.as_ref().and_then(key_cursor),
        })
    }
}
