//! Deleted credentials: what is needed to take a deletion back, for as long as Secrets Manager keeps the key.

use aws_sdk_dynamodb::types::{Delete, Put};
use jiff::Timestamp;
use serde::Serialize;

use crate::attribute::{Item, get_s, get_time, n, nested, rfc3339, time};
use crate::credential::{PARTITION, conflict, id_key, name_taken, read, unchanged};
use crate::store::key;
use crate::transaction::{Transacted, Write};
use crate::{AuditEntry, Credential, Error, Store};

/// A credential that was deleted and can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedCredential {
    /// As it was.
    #[serde(flatten)]
    pub credential: Credential,
    /// When it was deleted, RFC 3339.
    pub deleted_at: String,
    /// Until when it can be restored, RFC 3339.
    pub restorable_until: String,
}

fn deleted_key(id: &str) -> String {
    format!("DELETED#{id}")
}

impl Store {
    /// Deletes the credential, as it was read, and frees its name. It can be restored until `until`.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it was changed since it was read.
    pub async fn delete_credential(
        &self,
        credential: &Credential,
        now: Timestamp,
        until: Timestamp,
        entry: &AuditEntry,
    ) -> Result<DeletedCredential, Error> {
        let record = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(PARTITION, &id_key(&credential.id))))
            .condition_expression(unchanged(credential))
            .expression_attribute_values(":before", n(credential.revision));
        let deleted = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(PARTITION, &deleted_key(&credential.id))))
            .item("credential", nested(credential, "credential")?)
            .item("deletedAt", time(now))
            .item("restorableUntil", time(until))
            .item("expiresAt", n(until.as_second()));
        let writes = [
            record.write()?,
            self.free_name(credential).write()?,
            deleted.write()?,
            self.audit_row(&credential.id, entry)?.write()?,
        ];
        match self.transact(writes).await? {
            Transacted::Done => Ok(DeletedCredential {
                credential: credential.clone(),
                deleted_at: rfc3339(now),
                restorable_until: rfc3339(until),
            }),
            Transacted::Refused { .. } => Err(conflict(&credential.id)),
        }
    }

    /// The deleted credential of this id, while it can be restored; else [`Error::NotFound`].
    pub async fn deleted_credential(&self, id: &str) -> Result<DeletedCredential, Error> {
        let item = self.get(PARTITION, &deleted_key(id)).await?;
        item.as_ref()
            .map(read_deleted)
            .transpose()?
            .flatten()
            .ok_or_else(|| not_found(id))
    }

    /// Every credential that can be restored, the oldest first.
    pub async fn deleted_credentials(&self) -> Result<Vec<DeletedCredential>, Error> {
        let items = self.all_under(PARTITION, &deleted_key("")).await?;
        items
            .iter()
            .filter_map(|item| read_deleted(item).transpose())
            .collect()
    }

    /// Takes the deletion back, under the name that `restored` has.
    ///
    /// # Errors
    /// [`Error::NameTaken`] where that name is in use by now, [`Error::NotFound`] where someone else was quicker.
    pub async fn restore_credential(
        &self,
        restored: Credential,
        entry: &AuditEntry,
    ) -> Result<Credential, Error> {
        let restored = Credential {
            revision: restored.revision + 1,
            ..restored
        };
        let deleted = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(PARTITION, &deleted_key(&restored.id))))
            .condition_expression("attribute_exists(pk)");
        let writes = [
            deleted.write()?,
            self.claim_name(&restored).write()?,
            self.put_credential(&restored)?.write()?,
            self.audit_row(&restored.id, entry)?.write()?,
        ];
        match self.transact(writes).await? {
            Transacted::Done => Ok(restored),
            Transacted::Refused { index: 1, .. } => Err(name_taken(&restored.name)),
            Transacted::Refused { .. } => Err(not_found(&restored.id)),
        }
    }
}

/// `None` past its time: DynamoDB drops it within days of that, not at once.
fn read_deleted(item: &Item) -> Result<Option<DeletedCredential>, Error> {
    if get_time(item, "restorableUntil")? < Timestamp::now() {
        return Ok(None);
    }
    Ok(Some(DeletedCredential {
        credential: read(item)?,
        deleted_at: get_s(item, "deletedAt")?.to_owned(),
        restorable_until: get_s(item, "restorableUntil")?.to_owned(),
    }))
}

fn not_found(id: &str) -> Error {
    Error::NotFound {
        what: "deleted credential",
        id: id.to_owned(),
    }
}
