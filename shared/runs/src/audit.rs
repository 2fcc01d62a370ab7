//! What was done to a credential, by whom and when. A row is written in the transaction of the change that it tells of.

use aws_sdk_dynamodb::types::Put;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::attribute::{find_nested, nested, rfc3339, s};
use crate::store::key;
use crate::{Error, Page, Store, page};

/// What can be done to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Its deletion was taken back.
    Restored,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// Whom the authorizer let in, such as `api-token`, or the AWS service that did it, such as `secrets-manager`.
    pub principal: String,
    /// The address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
}

/// One row: who did what, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When, RFC 3339.
    pub at: String,
    /// What.
    pub action: Action,
    /// Who.
    pub actor: Actor,
    /// What it changed, such as the names or the last four characters of the keys; never a key.
    #[serde(default)]
    pub details: Value,
}

impl AuditEntry {
    /// Something done now.
    pub fn now(action: Action, actor: &Actor, details: Value) -> Self {
        Self {
            at: rfc3339(Timestamp::now()),
            action,
            actor: actor.clone(),
            details,
        }
    }
}

fn partition(credential_id: &str) -> String {
    format!("AUDIT#{credential_id}")
}

impl Store {
    /// The write of a row, for the transaction of its change.
    pub(crate) fn audit_row(
        &self,
        credential_id: &str,
        entry: &AuditEntry,
    ) -> Result<PutBuilder, Error> {
        // UUIDv7: in the order of time, and no two alike.
        let sk = format!("AT#{}", Uuid::now_v7());
        Ok(Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(&partition(credential_id), &sk)))
            .item("entry", nested(entry, "entry")?)
            .condition_expression("attribute_not_exists(pk)"))
    }

    /// Writes a row of what changes nothing in the record itself.
    pub async fn audit(&self, credential_id: &str, entry: &AuditEntry) -> Result<(), Error> {
        self.transact([self.audit_row(credential_id, entry)?])
            .await?;
        Ok(())
    }

    /// What was done to a credential, the newest first; to a deleted one too.
    pub async fn audit_of(
        &self,
        credential_id: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<AuditEntry>, Error> {
        let pk = partition(credential_id);
        let start = cursor.map(page::decode).transpose()?;
        // DynamoDB refuses a start outside of the partition in words that name no cursor.
        if start
            .as_ref()
            .is_some_and(|start| start.get("pk") != Some(&s(&pk)) || start.len() != 2)
        {
            return Err(Error::BadCursor);
        }
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(&pk))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        let rows = answer
            .items
            .unwrap_or_default()
            .iter()
            .map(|item| find_nested(item, "entry")?.ok_or(Error::Malformed { attribute: "entry" }))
            .collect::<Result<_, Error>>()?;
        Ok(Page {
            rows,
            cursor: answer.last_evaluated_key.as_ref().and_then(page::encode),
        })
    }
}
