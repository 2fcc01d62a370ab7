//! `POST /credentials/{id}/check`: asks OpenRouter about a key again.

use jiff::Timestamp;
use serde_json::json;
use steps_api::CredentialView;
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_secrets::Error;
use steps_store::{Action, Actor, AuditEntry, Check};

use crate::app::App;

/// Asks OpenRouter whether it accepts the key, and records what it says.
pub(crate) async fn check(app: &App, reference: &str, actor: &Actor) -> Result<Answer, Problem> {
    let mut credential = app.store.credentials().get(reference).await?;
    let refusal = match app.secrets.read_again(&credential.id).await {
        Ok(key) => app.openrouter.key(&key).await.err().map(Problem::from),
        Err(malformed @ Error::Malformed { .. }) => Some(malformed.into()),
        Err(error) => return Err(error.into()),
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
