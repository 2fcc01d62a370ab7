//! `POST /credentials/{id}/rotate`: asks for a rotation of a key now.

use serde_json::json;
use steps_api::CredentialView;
use steps_key::CredentialType;
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_secrets::Error;
use steps_store::{Action, Actor, AuditEntry};

use crate::app::App;
use crate::rotation::rotate_key_arn;

/// Asks Secrets Manager for a rotation. It takes place later; the audit tells when the key is rotated.
pub(crate) async fn rotate(app: &App, reference: &str, actor: &Actor) -> Result<Answer, Problem> {
    let function = rotate_key_arn(app)?;
    let credential = app.store.credentials().get(reference).await?;
    if credential.of_type() != CredentialType::OpenRouter {
        let id = credential.id.clone();
        let wanted = CredentialType::OpenRouter;
        return Err(Error::OtherType { id, wanted }.into());
    }
    app.secrets.rotate_now(&credential.id, function).await?;
    let details = json!({ "lastFour": credential.last_four });
    let entry = AuditEntry::now(Action::RotationRequested, actor, details);
    app.store
        .credentials()
        .audit(&credential.id, &entry)
        .await?;
    Answer::json(202, &CredentialView::from(credential))
}
