//! `POST /credentials/{id}/check`: asks OpenRouter about a key again.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use steps_lambda::Answer;
use steps_openrouter::ApiKey;
use steps_problem::Problem;
use steps_store::Check;

use crate::app::App;

/// Asks OpenRouter whether it accepts the key, and records what it says.
pub(crate) async fn check(app: &App, reference: &str) -> Result<Answer, Problem> {
    let mut credential = app.store.credentials().get(reference).await?;
    let stored = app.secrets.read_again(&credential.id).await?;
    let refusal = match ApiKey::parse(stored.expose_secret()) {
        Ok(key) => app.openrouter.key(&key).await.err(),
        Err(error) => Some(error),
    };
    // What does not say anything about the key is no result of the check.
    if let Some(error) = &refusal
        && error.retryable()
    {
        return Err(Problem::from(error));
    }
    let code = refusal.map(|error| error.code().to_owned());
    let check = Check::new(Timestamp::now(), code);
    app.store
        .credentials()
        .record_check(&credential.id, &check)
        .await?;
    credential.last_check = Some(check);
    Answer::json(200, &credential)
}
