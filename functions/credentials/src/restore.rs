//! `POST /credentials/{id}/restore`: restores a deleted credential.

use serde_json::json;
use steps_api::{CredentialView, RestoreCredential};
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::{Action, AuditEntry, Credential, Error};

use crate::actor::actor;
use crate::app::App;
use crate::fields::{checked_name, invalid, name_is_free};

/// Restores the key, then the record, under another name where the body has one. The key comes first, because a
/// record without its key would be of no use.
pub(crate) async fn restore(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let restore: RestoreCredential = request.json_or_default()?;
    let mut faults = Vec::new();
    let name = restore.name.as_deref();
    let name = name.map(|name| checked_name(name, &mut faults));
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    let deleted = app.store.credentials().get_deleted(id).await?;
    let restored = Credential {
        name: name.unwrap_or(&deleted.credential.name).to_owned(),
        ..deleted.credential
    };
    name_is_free(app, &restored.name).await?;
    app.secrets.restore(id).await?;
    let details = json!({ "name": restored.name, "lastFour": restored.last_four });
    let entry = AuditEntry::now(Action::Restored, &actor(request), details);
    match app.store.credentials().restore(restored, &entry).await {
        Ok(credential) => Answer::json(200, &CredentialView::from(credential)),
        Err(error) => {
            // Otherwise the key would stay for ever, and nobody could find it.
            if matches!(error, Error::NameTaken { .. }) {
                app.secrets.delete(id).await?;
            }
            Err(error.into())
        }
    }
}
