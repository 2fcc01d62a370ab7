//! What Step Functions hands over, and what it takes back.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use steps_catalogue::Catalogue;
use steps_lambda::Task;
use steps_openrouter::{ApiKey, Call, ChatRequest, Client, Completion, Failure, Timeouts};
use steps_problem::Problem;
use steps_runs::Store;
use steps_secrets::Secrets;

use crate::budget::DayLimits;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct ExecuteNode {
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    pub(crate) catalogue: Catalogue,
    pub(crate) day_limits: DayLimits,
}

/// The task's input: a node of a recorded run, or a node written inline in someone's own state machine.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Event {
    /// From `run-workflow.asl.yaml`.
    OfRun(NodeOfRun),
    /// By schedule: asks OpenRouter what calls cost whose answer did not say.
    Costs {
        /// Always `costs`.
        recover: Recover,
    },
    /// From anyone's own state machine.
    Inline {
        /// One node, as in a workflow document.
        node: Value,
        /// What its templates see.
        #[serde(default)]
        context: Map<String, Value>,
        /// 1 for the first call; one more for each call after a WAIT.
        #[serde(default = "first")]
        attempt: u32,
    },
}

/// A node of a run, and what has to be read for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeOfRun {
    pub(crate) run_id: String,
    /// The number of the run's execution that this is a task of.
    #[serde(default = "first")]
    pub(crate) execution: u32,
    pub(crate) node_id: String,
    /// The nodes whose variables its templates name.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
}

/// What is recovered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Recover {
    Costs,
}

fn first() -> u32 {
    1
}

/// The task's output.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Done {
    /// What was due has been asked for: so many costs are recorded now.
    Recovered { costs: usize },
    /// The node has its answer. `output` only for an inline node: a run's answers go through the table.
    Succeeded {
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
    },
    /// Call again after so many seconds.
    Wait {
        seconds: u64,
        /// The code of what is waited out, for whoever looks at the execution.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
}

impl Done {
    /// For a node in another function's hands.
    pub(crate) fn look_again(seconds: u64) -> Self {
        Self::Wait {
            seconds,
            code: None,
        }
    }
}

/// Kept back from Lambda's deadline for writing down how the node ended.
pub(crate) const CLOSING_TIME: Duration = Duration::from_secs(15);

/// Longest time for a node that does not say otherwise.
const NODE_TIMEOUT_SECONDS: u64 = 600;

impl ExecuteNode {
    pub(crate) fn new(
        openrouter: Client,
        store: Store,
        secrets: Secrets,
        catalogue: Catalogue,
    ) -> Self {
        Self {
            openrouter,
            catalogue,
            day_limits: DayLimits::default(),
            store,
            secrets,
        }
    }

    pub(crate) async fn handle(&self, task: Task<Event>) -> Result<Done, Problem> {
        let remaining = task.remaining().saturating_sub(CLOSING_TIME);
        match task.event {
            Event::OfRun(task) => self.node_of_run(&task, remaining).await,
            Event::Costs {
                recover: Recover::Costs,
            } => self.recover_due_costs(remaining).await,
            Event::Inline {
                node,
                context,
                attempt,
            } => self.inline_node(&node, context, attempt, remaining).await,
        }
    }

    /// Sends the request and gives the call once it is under way. A warm function may hold a key that has been
    /// replaced since: where OpenRouter refuses it, the key is read once more.
    pub(crate) async fn call(
        &self,
        credential_id: &str,
        request: &ChatRequest,
        timeouts: &Timeouts,
    ) -> Result<Call, CallError> {
        let key = self.secrets.read(credential_id).await?;
        let failure = match self
            .openrouter
            .chat(&ApiKey::parse(key.expose_secret())?, request, timeouts)
            .await
        {
            Ok(call) => return Ok(call),
            Err(failure) => failure,
        };
        if failure.error.code() != "InvalidApiKey" {
            return Err(failure.into());
        }
        let now = self.secrets.read_again(credential_id).await?;
        if now.expose_secret() == key.expose_secret() {
            return Err(failure.into());
        }
        let key = ApiKey::parse(now.expose_secret())?;
        Ok(self.openrouter.chat(&key, request, timeouts).await?)
    }
}

/// The client's time limits for a node that has `limit` left in all.
pub(crate) fn timeouts(node_seconds: Option<u64>, limit: Duration) -> Timeouts {
    let node = Duration::from_secs(node_seconds.unwrap_or(NODE_TIMEOUT_SECONDS));
    Timeouts {
        total: node.min(limit),
        ..Timeouts::default()
    }
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

/// How long to wait before the next attempt, in whole seconds: as long as OpenRouter says, else a random time
/// up to a limit that doubles with every attempt (full jitter). `None` where there is to be no next attempt.
pub(crate) fn wait_seconds(
    error: &CallError,
    attempt: u32,
    max_attempts: u32,
    left: Duration,
) -> Option<u64> {
    const FIRST: u64 = 2;
    const LONGEST: u64 = 60;
    if !error.problem.retryable || attempt >= max_attempts {
        return None;
    }
    let limit = (FIRST << attempt.min(10)).min(LONGEST);
    let seconds = match error.retry_after {
        Some(after) => after.as_secs() + u64::from(after.subsec_nanos() > 0),
        None => fastrand::u64(1..=limit),
    };
    let seconds = seconds.max(1);
    (Duration::from_secs(seconds) < left).then_some(seconds)
}

/// The completion's call is over; what is left is to write it down.
pub(crate) type Answered = Result<Completion, CallError>;

#[cfg(test)]
mod tests {
    use super::*;

    fn error(retryable: bool, retry_after: Option<Duration>) -> CallError {
        CallError {
            retry_after,
            ..Problem::new(429, "RateLimitExceeded", "Rate Limit Exceeded", "slow down")
                .retryable(retryable)
                .into()
        }
    }

    #[test]
    fn what_openrouter_says_is_waited_out_in_full() {
        let error = error(true, Some(Duration::from_millis(2_100)));
        assert_eq!(wait_seconds(&error, 1, 5, Duration::from_secs(60)), Some(3));
    }

    #[test]
    fn nothing_is_waited_out_past_the_time_left_or_the_last_attempt() {
        let after = Some(Duration::from_secs(30));
        assert_eq!(
            wait_seconds(&error(true, after), 1, 5, Duration::from_secs(20)),
            None
        );
        assert_eq!(
            wait_seconds(&error(true, after), 5, 5, Duration::from_secs(60)),
            None
        );
        assert_eq!(
            wait_seconds(&error(false, after), 1, 5, Duration::from_secs(60)),
            None
        );
    }

    #[test]
    fn waits_grow_and_stay_within_a_minute() {
        for attempt in 1..40 {
            let seconds =
                wait_seconds(&error(true, None), attempt, 50, Duration::from_secs(3600)).unwrap();
            assert!((1..=60).contains(&seconds), "{seconds}");
            assert!(seconds <= 2 << attempt.min(10), "{seconds}");
        }
    }
}
