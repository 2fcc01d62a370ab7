//! `POST /credentials/{id}/check`: asks OpenRouter about a key again; of a secret of HTTP requests, whether it can be read.

use jiff::Timestamp;
use serde_json::json;
use steps_api::CredentialView;
use steps_key::CredentialType;
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_secrets::Error;
use steps_store::{Action, Actor, AuditEntry, Check};

use crate::app::App;

/// Asks OpenRouter whether it accepts the key, and records what it says. Whose the secret of an `http` credential is, is not
/// known here: it is only read.
pub(crate) async fn check(app: &App, reference: &str, actor: &Actor) -> Result<Answer, Problem> {
    let mut credential = app.store.credentials().get(reference).await?;
    let refusal = match credential.of_type() {
        CredentialType::OpenRouter => match app.secrets.read_again(&credential.id).await {
            Ok(key) => app.openrouter.key(&key).await.err().map(Problem::from),
            Err(malformed @ Error::Malformed { .. }) => Some(malformed.into()),
            Err(error) => return Err(error.into()),
        },
        CredentialType::Http => match app.secrets.read_http_again(&credential.id).await {
            Ok(_) => None,
            Err(other @ Error::OtherType { .. }) => Some(other.into()),
            Err(error) => return Err(error.into()),
        },
    };
    // A failure that says nothing about the key is no result of the check.
    if let Some(problem) = &refusal
        && problem.retryable
    {
        return Err(problem.clone());
    }
    let code = refusal.map(|problem| problem.code);
    let check = Check::new(Timestamp::now(), code);
    app.store
        .credentials()
        .record_check(&credential.id, &check)
        .await?;
    let details = json!({ "valid": check.valid, "code": check.code });
    let entry = AuditEntry::now(Action::Checked, actor, details);
    app.store
        .credentials()
        .audit(&credential.id, &entry)
        .await?;
    credential.last_check = Some(check);
    Answer::json(200, &CredentialView::from(credential))
}
