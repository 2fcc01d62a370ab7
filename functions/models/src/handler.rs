//! The list comes from the cache; from OpenRouter where the cache is old; from the old cache where OpenRouter is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use steps_catalogue::{Catalogue, List};
use steps_lambda::{Answer, Request};
use steps_openrouter::Client;
use steps_problem::Problem;
use tokio::sync::Mutex;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) openrouter: Client,
    catalogue: Catalogue,
    /// Why OpenRouter could not be asked the last time, and when that was.
    failure: Mutex<Option<(Instant, Problem)>>,
}

/// How old the cached list may be before OpenRouter is asked again.
const FRESH_SECONDS: i64 = 60 * 60;

/// How long a caller waits for OpenRouter where there is an answer without it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long OpenRouter is not asked again, where there is a list, after it could not be.
const PAUSE: Duration = Duration::from_secs(60);

/// Kept back from Lambda's deadline for the answer.
const CLOSING_TIME: Duration = Duration::from_secs(3);

/// The list at hand.
pub(crate) struct Listed {
    pub(crate) list: Arc<List>,
    /// Why OpenRouter could not be asked, where the list is older than it should be.
    stale: Option<Problem>,
}

/// How old an answer is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Age {
    fetched_at: String,
    age_seconds: i64,
    stale: Option<Problem>,
}

impl Listed {
    pub(crate) fn age(&self) -> Age {
        Age {
            fetched_at: time(self.list.fetched_at),
            age_seconds: seconds_since(self.list.fetched_at),
            stale: self.stale.clone(),
        }
    }
}

impl Models {
    pub(crate) fn new(openrouter: Client, catalogue: Catalogue) -> Self {
        Self {
            openrouter,
            catalogue,
            failure: Mutex::default(),
        }
    }

    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        match request.route() {
            "GET /models" => self.list(request).await,
            "POST /models/refresh" => self.refresh(request).await,
            // An id may hold a slash more: `openai/gpt-4o@preset/mail`.
            "GET /models/{proxy+}" => self.describe(request.parameter("proxy")?, request).await,
            _ => Err(request.no_route()),
        }
    }

    async fn refresh(&self, request: &Request) -> Result<Answer, Problem> {
        match self
            .catalogue
            .refresh(&self.openrouter, left(request))
            .await
        {
            Ok(list) => Answer::json(
                200,
                &json!({ "total": list.models.len(), "fetchedAt": time(list.fetched_at) }),
            ),
            Err(mut problem) => {
                if let Some(kept) = self.catalogue.newest().await? {
                    problem.solution.push(format!(
                        "Meanwhile the list of {} stays in use",
                        time(kept.fetched_at)
                    ));
                }
                Err(problem)
            }
        }
    }

    pub(crate) async fn listed(&self, request: &Request) -> Result<Listed, Problem> {
        let Some(list) = self.catalogue.newest().await? else {
            let list = self
                .catalogue
                .refresh(&self.openrouter, left(request))
                .await?;
            return Ok(Listed { list, stale: None });
        };
        let age = seconds_since(list.fetched_at);
        if age < FRESH_SECONDS {
            return Ok(Listed { list, stale: None });
        }
        let mut failure = self.failure.lock().await;
        if let Some((at, problem)) = &*failure
            && at.elapsed() < PAUSE
        {
            let stale = Some(problem.clone());
            return Ok(Listed { list, stale });
        }
        match self
            .catalogue
            .refresh(&self.openrouter, patience(request))
            .await
        {
            Ok(list) => {
                *failure = None;
                Ok(Listed { list, stale: None })
            }
            Err(problem) => {
                tracing::warn!(
                    code = problem.code,
                    age,
                    "the model list could not be refreshed"
                );
                *failure = Some((Instant::now(), problem.clone()));
                let stale = Some(problem);
                Ok(Listed { list, stale })
            }
        }
    }
}

/// How long OpenRouter may take where there is an answer without it.
pub(crate) fn patience(request: &Request) -> Duration {
    left(request).min(PATIENCE)
}

fn left(request: &Request) -> Duration {
    request.remaining().saturating_sub(CLOSING_TIME)
}

fn seconds_since(at: Timestamp) -> i64 {
    Timestamp::now().duration_since(at).as_secs().max(0)
}

fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A request that cannot be understood.
pub(crate) fn invalid(cause: impl Into<String>) -> Problem {
    Problem::new(400, "InvalidRequest", "Invalid Request", cause)
        .solution(["Correct the request and send it again"])
}
