//! The list that answers are made from: from the cache; from OpenRouter where the cache is old; from the old cache
//! where OpenRouter cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use steps_api::Age;
use steps_lambda::Request;
use steps_openrouter::ModelList;
use steps_problem::Problem;

use crate::app::App;

/// How old the cached list may be before OpenRouter is asked again.
const FRESH_SECONDS: i64 = 60 * 60;

/// How long a caller waits for OpenRouter where there is an answer without it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long OpenRouter is not asked again after it could not be reached, where there is a list.
pub(crate) const PAUSE: Duration = Duration::from_secs(60);

/// Kept back from Lambda's deadline for the answer.
const CLOSING_TIME: Duration = Duration::from_secs(3);

/// The list that an answer is made from.
pub(crate) struct Listed {
    pub(crate) list: Arc<ModelList>,
    /// Why OpenRouter could not be asked, where the list is older than it should be.
    stale: Option<Problem>,
}

/// The cached list, read from OpenRouter first where it is older than an hour.
pub(crate) async fn listed(app: &App, request: &Request) -> Result<Listed, Problem> {
    let Some(list) = app.catalogue.newest().await? else {
        let list = app
            .catalogue
            .refresh(&app.openrouter, left(request))
            .await?;
        return Ok(Listed { list, stale: None });
    };
    let age = seconds_since(list.fetched_at);
    if age < FRESH_SECONDS {
        return Ok(Listed { list, stale: None });
    }
    let stale = app.failure.get(&());
    if stale.is_some() {
        return Ok(Listed { list, stale });
    }
    match app
        .catalogue
        .refresh(&app.openrouter, patience(request))
        .await
    {
        Ok(list) => Ok(Listed { list, stale: None }),
        Err(problem) => {
            tracing::warn!(
                code = problem.code,
                age,
                "the model list could not be refreshed"
            );
            app.failure.put((), problem.clone());
            let stale = Some(problem);
            Ok(Listed { list, stale })
        }
    }
}

impl Listed {
    pub(crate) fn age(&self) -> Age {
        Age {
            fetched_at: self.list.fetched_at,
            age_seconds: seconds_since(self.list.fetched_at),
            stale: self.stale.clone(),
        }
    }
}

/// How long OpenRouter may take where there is an answer without it.
pub(crate) fn patience(request: &Request) -> Duration {
    left(request).min(PATIENCE)
}

/// How long the function may still take before it has to answer.
pub(crate) fn left(request: &Request) -> Duration {
    request.remaining().saturating_sub(CLOSING_TIME)
}

fn seconds_since(at: Timestamp) -> i64 {
    Timestamp::now().duration_since(at).as_secs().max(0)
}
