//! A credential goes, and may come back for as long as Secrets Manager keeps its key.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};
use steps_runs::{Action, AuditEntry, Credential, DeletedCredential, Error, User};
use steps_secrets::RECOVERY_DAYS;

use crate::create::{checked_name, invalid};
use crate::handler::Credentials;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Restore {
    #[serde(default)]
    name: Option<String>,
}

impl Credentials {
    pub(crate) async fn delete(
        &self,
        reference: &str,
        request: &Request,
    ) -> Result<Answer, Problem> {
        let force = request.flag("force")?.unwrap_or(false);
        let deleted = match self.store.credential(reference).await {
            Ok(credential) => self.delete_record(&credential, force, request).await?,
            // An earlier try may have got no further than the record.
            Err(missing @ Error::NotFound { .. }) => {
                match self.store.deleted_credential(reference).await {
                    Err(Error::NotFound { .. }) => return Err(missing.into()),
                    deleted => deleted?,
                }
            }
            Err(error) => return Err(error.into()),
        };
        self.secrets.delete(&deleted.credential.id).await?;
        Answer::json(200, &deleted)
    }

    async fn delete_record(
        &self,
        credential: &Credential,
        force: bool,
        request: &Request,
    ) -> Result<DeletedCredential, Problem> {
        let references = [credential.id.as_str(), credential.name.as_str()];
        let users = self.store.credential_users(&references).await?;
        if !users.is_empty() && !force {
            return Err(in_use(&credential.name, &users));
        }
        let now = Timestamp::now();
        // Secrets Manager counts its days from a moment that is yet to come: what is promised here it keeps.
        let until = now + SignedDuration::from_hours(24 * RECOVERY_DAYS);
        let workflows: Vec<_> = users.iter().map(|user| &user.workflow_id).collect();
        let details = json!({
            "name": credential.name,
            "lastFour": credential.last_four,
            "restorableUntil": format!("{until:.3}"),
            "usedBy": workflows,
        });
        let entry = AuditEntry::now(Action::Deleted, request.actor(), details);
        let deleted = self
            .store
            .delete_credential(credential, now, until, &entry)
            .await?;
        Ok(deleted)
    }

    /// The key first: a record without its key would be of no use.
    pub(crate) async fn restore(&self, id: &str, request: &Request) -> Result<Answer, Problem> {
        let restore: Restore = if request.has_body() {
            request.json()?
        } else {
            Restore::default()
        };
        let mut faults = Vec::new();
        let name = restore.name.as_deref();
        let name = name.map(|name| checked_name(name, &mut faults));
        if !faults.is_empty() {
            return Err(invalid(faults));
        }
        let deleted = self.store.deleted_credential(id).await?;
        let restored = Credential {
            name: name.unwrap_or(&deleted.credential.name).to_owned(),
            ..deleted.credential
        };
        self.name_is_free(&restored.name).await?;
        self.secrets.restore(id).await?;
        let details = json!({ "name": restored.name, "lastFour": restored.last_four });
        let entry = AuditEntry::now(Action::Restored, request.actor(), details);
        match self.store.restore_credential(restored, &entry).await {
            Ok(credential) => Answer::json(200, &credential),
            Err(error) => {
                // Left alone, the key would stay for good, and nobody could find it.
                if matches!(error, Error::NameTaken { .. }) {
                    self.secrets.delete(id).await?;
                }
                Err(error.into())
            }
        }
    }
}

fn in_use(name: &str, users: &[User]) -> Problem {
    let ids: Vec<&str> = users.iter().map(|user| user.workflow_id.as_str()).collect();
    let faults = ids.iter().map(|id| {
        Fault::at(
            format!("workflows/{id}"),
            format!("its nodes use the credential `{name}`"),
        )
    });
    Problem::new(
        409,
        "CredentialInUse",
        "Credential In Use",
        format!("these workflows use the credential: {}", ids.join(", ")),
    )
    .solution([
        "Put these workflows again with another credential, or delete them",
        "Or delete the credential all the same with ?force=true: their runs fail until it is restored",
    ])
    .faults(faults.collect())
}
