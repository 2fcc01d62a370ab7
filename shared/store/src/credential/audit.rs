//! The rows of the audit that are about a credential. A row is written in the transaction of its change.

use crate::Error;
use crate::audit::{self, AuditEntry};
use crate::credential::handle::Credentials;
use crate::keys;
use crate::table::Put;
use crate::table::page::Page;

/// What can be done to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was made.
    Created,
    /// It got another name.
    Renamed,
    /// Its owner put another key in its place.
    KeyReplaced,
    /// Its daily budget was set, changed or taken away.
    BudgetSet,
    /// Its key was checked with the provider.
    Checked,
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

impl From<Action> for String {
    fn from(action: Action) -> Self {
        let word = match action {
            Action::Created => "created",
            Action::Renamed => "renamed",
            Action::KeyReplaced => "keyReplaced",
            Action::BudgetSet => "budgetSet",
            Action::Checked => "checked",
            Action::RotationSet => "rotationSet",
            Action::RotationRequested => "rotationRequested",
            Action::Rotated => "rotated",
            Action::Deleted => "deleted",
            Action::Restored => "restored",
        };
        word.to_owned()
    }
}

/// The write of a row, for the transaction of its change.
pub(super) fn row(credential_id: &str, entry: &AuditEntry) -> Put {
    audit::row(&about(credential_id, entry))
}

fn about(credential_id: &str, entry: &AuditEntry) -> AuditEntry {
    entry.clone().about(keys::audited_credential(credential_id))
}

impl Credentials {
    /// Writes a row alone, for an action that does not change the credential's record.
    pub async fn audit(&self, credential_id: &str, entry: &AuditEntry) -> Result<(), Error> {
        self.audits().add(&about(credential_id, entry)).await
    }

    /// What was done to a credential, the newest first. Also of a deleted one.
    pub async fn audit_of(
        &self,
        credential_id: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<AuditEntry>, Error> {
        let subject = keys::audited_credential(credential_id);
        self.audits().list(Some(&subject), limit, cursor).await
    }

    fn audits(&self) -> audit::Audits {
        audit::Audits(self.0.clone())
    }
}
