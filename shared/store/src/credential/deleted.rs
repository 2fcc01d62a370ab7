//! Deleted credentials: what is needed to restore them, while Secrets Manager still keeps the key.

use jiff::Timestamp;

use crate::audit::AuditEntry;
use crate::credential::audit;
use crate::credential::handle::Credentials;
use crate::credential::record::{
    Credential, claim_name, free_name, name_taken, not_named_since, put, read, unchanged, with,
};
use crate::keys::{self, EXPIRES_AT};
use crate::table::key::PK;
use crate::table::{Attribute, Delete, Item, Transacted};
use crate::{Error, Record};

/// A credential that was deleted and can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedCredential {
    /// The credential as it was.
    pub credential: Credential,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Until when it can be restored.
    pub restorable_until: Timestamp,
}

const DELETED_AT: Attribute<Timestamp> = Attribute::new("deletedAt");
const RESTORABLE_UNTIL: Attribute<Timestamp> = Attribute::new("restorableUntil");

impl Credentials {
    /// Deletes the credential, as it was read, and frees its name. It can be restored until `until`. `named` is what
    /// [`Credentials::named`] gave before its users were read.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it was changed since it was read, or a workflow was put that names it.
    pub async fn delete(
        &self,
        credential: &Credential,
        named: u32,
        now: Timestamp,
        until: Timestamp,
        entry: &AuditEntry,
    ) -> Result<DeletedCredential, Error> {
        let id = &credential.id;
        let record = Delete::of(keys::credential(id))
            .when(unchanged(credential).and(not_named_since(named)));
        let deleted = with(keys::deleted_credential(id), credential)
            .set(DELETED_AT, now)
            .set(RESTORABLE_UNTIL, until)
            .set(EXPIRES_AT, until.as_second());
        let writes = [
            record.into(),
            free_name(credential).into(),
            deleted.into(),
            audit::row(id, entry).into(),
        ];
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(DeletedCredential {
                credential: credential.clone(),
                deleted_at: now,
                restorable_until: until,
            }),
            Transacted::Refused { .. } => Err(Record::Credential.conflict(id)),
        }
    }

    /// The deleted credential of this id, while it can be restored; else [`Error::NotFound`].
    pub async fn get_deleted(&self, id: &str) -> Result<DeletedCredential, Error> {
        let item = self.0.get(keys::deleted_credential(id)).await?;
        let deleted = item.as_ref().map(read_deleted).transpose()?.flatten();
        deleted.ok_or_else(|| Record::DeletedCredential.not_found(id))
    }

    /// Every credential that can be restored, the oldest first.
    pub async fn list_deleted(&self) -> Result<Vec<DeletedCredential>, Error> {
        let items = self.0.all_under(&keys::deleted_credentials()).await?;
        items
            .iter()
            .filter_map(|item| read_deleted(item).transpose())
            .collect()
    }

    /// Restores the credential, with the name that `restored` has.
    ///
    /// # Errors
    /// [`Error::NameTaken`] where that name is in use by now, [`Error::NotFound`] where somebody else restored it first.
    pub async fn restore(
        &self,
        restored: Credential,
        entry: &AuditEntry,
    ) -> Result<Credential, Error> {
        let restored = Credential {
            revision: restored.revision + 1,
            ..restored
        };
        let deleted = Delete::of(keys::deleted_credential(&restored.id)).when(PK.exists());
        let writes = [
            deleted.into(),
            claim_name(&restored).into(),
            put(&restored).into(),
            audit::row(&restored.id, entry).into(),
        ];
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(restored),
            Transacted::Refused { index: 1, .. } => Err(name_taken(&restored.name)),
            Transacted::Refused { .. } => Err(Record::DeletedCredential.not_found(restored.id)),
        }
    }
}

/// The deleted credential of an item; `None` after its time. DynamoDB removes the item some days later, not at once.
fn read_deleted(item: &Item) -> Result<Option<DeletedCredential>, Error> {
    let restorable_until = RESTORABLE_UNTIL.get(item)?;
    if restorable_until < Timestamp::now() {
        return Ok(None);
    }
    Ok(Some(DeletedCredential {
        credential: read(item)?,
        deleted_at: DELETED_AT.get(item)?,
        restorable_until,
    }))
}
