//! One call of a model with a credential's key, and how it fails.

use std::time::Duration;

use steps_openrouter::{Call, ChatRequest, Error, Failure, Timeouts};
use steps_problem::Problem;

use crate::app::App;

/// Sends the request and gives the call once it is under way. A warm function may hold a key that has been
/// replaced since: where OpenRouter refuses it, the key is read once more.
pub(crate) async fn call(
    app: &App,
    credential_id: &str,
    request: &ChatRequest,
    timeouts: &Timeouts,
) -> Result<Call, CallError> {
    let key = app.secrets.read(credential_id).await?;
    let failure = match app.openrouter.chat(&key, request, timeouts).await {
        Ok(call) => return Ok(call),
        Err(failure) => failure,
    };
    if !matches!(failure.error, Error::InvalidApiKey(_)) {
        return Err(failure.into());
    }
    let now = app.secrets.read_again(credential_id).await?;
    if now == key {
        return Err(failure.into());
    }
    Ok(app.openrouter.chat(&now, request, timeouts).await?)
}

/// How a call failed, with what it cost all the same.
#[derive(Debug)]
pub(crate) struct CallError {
    pub(crate) problem: Problem,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) generation_id: Option<String>,
    pub(crate) usage: Option<steps_openrouter::Usage>,
    pub(crate) cost_usd: Option<rust_decimal::Decimal>,
}

impl From<Problem> for CallError {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            retry_after: None,
            generation_id: None,
            usage: None,
            cost_usd: None,
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self {
            problem: Problem::from(&failure.error),
            retry_after: failure.error.retry_after(),
            generation_id: failure.generation_id,
            usage: failure.usage,
            cost_usd: failure.cost_usd,
        }
    }
}

impl From<steps_openrouter::Error> for CallError {
    fn from(error: steps_openrouter::Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<steps_secrets::Error> for CallError {
    fn from(error: steps_secrets::Error) -> Self {
        Problem::from(error).into()
    }
}
