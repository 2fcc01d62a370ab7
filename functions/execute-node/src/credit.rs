//! By schedule: how much the keys may still spend that were used within a day, as metrics.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use steps_key::CredentialType;
use steps_metrics::CreditLeft;
use steps_problem::Problem;
use steps_store::Credential;

use crate::answer::Answer;
use crate::app::App;

/// For how long after its last use a key is looked at.
const LOOKED_AT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Asks OpenRouter about every key that was used within a day, and reads what is left of its daily budget. A key that
/// cannot be asked about does not stop the others.
pub(crate) async fn watch_credit(app: &App) -> Result<Answer, Problem> {
    let now = Timestamp::now();
    let mut keys = 0;
    for credential in app.store.credentials().list().await? {
        if credential.of_type() != CredentialType::OpenRouter {
            continue;
        }
        let used = credential.last_used_at;
        if used.is_none_or(|used| now.duration_since(used) > LOOKED_AT_FOR) {
            continue;
        }
        match left(app, &credential, now).await {
            Ok((credit_usd, budget_usd)) => {
                CreditLeft {
                    credential: &credential.name,
                    credit_usd,
                    budget_usd,
                }
                .write();
                keys += 1;
            }
            Err(problem) => tracing::warn!(
                credential = credential.id,
                code = problem.code,
                "what is left of the key is not known"
            ),
        }
    }
    Ok(Answer::Watched { keys })
}

/// What is left of the key's limit at OpenRouter, and of the credential's budget of this day, where there are such.
async fn left(
    app: &App,
    credential: &Credential,
    now: Timestamp,
) -> Result<(Option<Decimal>, Option<Decimal>), Problem> {
    let key = app.secrets.read(&credential.id).await?;
    let known = app.openrouter.key(&key).await?;
    let budget = match credential.max_cost_usd_per_day {
        Some(limit) => {
            let credentials = app.store.credentials();
            Some(limit - credentials.committed_usd(&credential.id, now).await?)
        }
        None => None,
    };
    Ok((known.limit_remaining, budget))
}
