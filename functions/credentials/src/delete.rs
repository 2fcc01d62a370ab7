//! `DELETE /credentials/{id}`: deletes a credential. Secrets Manager keeps its key for some days, and until then it can be
//! restored.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use steps_api::CredentialView;
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};
use steps_secrets::RECOVERY_DAYS;
use steps_store::{
    Action, AuditEntry, Credential, CredentialUser, DeletedCredential, Error, millis,
};

use crate::actor::actor;
use crate::app::App;

/// Deletes the record, then the key. A credential that workflows use is deleted only with `?force=true`.
pub(crate) async fn delete(
    app: &App,
    reference: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let force = request.flag("force")?.unwrap_or(false);
    let deleted = match app.store.credentials().get(reference).await {
        Ok(credential) => delete_record(app, &credential, force, request).await?,
        // An earlier try may have deleted the record and failed before the key.
        Err(missing @ Error::NotFound { .. }) => {
            match app.store.credentials().get_deleted(reference).await {
                Err(Error::NotFound { .. }) => return Err(missing.into()),
                deleted => deleted?,
            }
        }
        Err(error) => return Err(error.into()),
    };
    app.secrets.delete(&deleted.credential.id).await?;
    Answer::json(200, &CredentialView::from(deleted))
}

async fn delete_record(
    app: &App,
    credential: &Credential,
    force: bool,
    request: &Request,
) -> Result<DeletedCredential, Problem> {
    let named = app.store.credentials().named(&credential.id).await?;
    let references = [credential.id.as_str(), credential.name.as_str()];
    let users = app.store.credentials().users(&references).await?;
    if !users.is_empty() && !force {
        return Err(in_use(&credential.name, &users));
    }
    let now = Timestamp::now();
    // Secrets Manager counts its days from a later moment, so the key is kept at least as long as is said here.
    let until = now + SignedDuration::from_hours(24 * RECOVERY_DAYS);
    let workflows: Vec<_> = users.iter().map(|user| &user.workflow_id).collect();
    let details = json!({
        "name": credential.name,
        "lastFour": credential.last_four,
        "restorableUntil": millis::text(until),
        "usedBy": workflows,
    });
    let entry = AuditEntry::now(Action::Deleted, &actor(request), details);
    let deleted = app
        .store
        .credentials()
        .delete(credential, named, now, until, &entry)
        .await?;
    Ok(deleted)
}

fn in_use(name: &str, users: &[CredentialUser]) -> Problem {
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
