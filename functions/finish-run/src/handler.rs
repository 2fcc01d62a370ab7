//! The record follows an execution's end once; what comes later, again or out of order changes nothing.

use aws_sdk_sqs::error::ProvideErrorMetadata;
use jiff::Timestamp;
use serde::Deserialize;
use steps_problem::Problem;
use steps_runs::{Ended, RunError, RunStatus, Store};

/// What this function works with.
#[derive(Debug)]
pub(crate) struct FinishRun {
    pub(crate) store: Store,
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// The queue of ended runs that are to be posted.
    pub(crate) callback_queue_url: String,
}

/// "Step Functions Execution Status Change", as EventBridge hands it over.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    detail: Detail,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    /// The execution's name is the run's id.
    name: String,
    status: String,
    /// Milliseconds since 1970.
    stop_date: Option<i64>,
    error: Option<String>,
    cause: Option<String>,
}

/// Thrown by execute-node when the run is past its time limit.
const RUN_TIMED_OUT: &str = "RunTimedOut";

impl FinishRun {
    pub(crate) async fn handle(&self, event: Event) -> Result<(), Problem> {
        let detail = event.detail;
        let Some(ended) = ended(&detail) else {
            return Ok(());
        };
        let changed = self.store.end_run(&detail.name, &ended).await?;
        tracing::info!(
            run = detail.name,
            status = detail.status,
            changed,
            "execution ended"
        );
        // Also where the record had ended before: the try that ended it may not have come this far.
        self.call_back(&detail.name).await
    }

    /// Queues the run where it is to be posted.
    async fn call_back(&self, run_id: &str) -> Result<(), Problem> {
        if self.store.callback_url(run_id).await?.is_none() {
            return Ok(());
        }
        self.sqs
            .send_message()
            .queue_url(&self.callback_queue_url)
            .message_body(run_id)
            .send()
            .await
            .map_err(|error| {
                let reason = error
                    .code()
                    .map_or_else(|| error.to_string(), str::to_owned);
                Problem::new(
                    503,
                    "CallbackNotQueued",
                    "Callback Not Queued",
                    format!("SQS did not take the run that is to be posted: {reason}"),
                )
                .solution(["EventBridge tries again; where it stays, deploy the template again"])
                .retryable(true)
            })?;
        Ok(())
    }
}

/// `None` for an execution that goes on.
fn ended(detail: &Detail) -> Option<Ended> {
    let code = detail.error.as_deref().unwrap_or_default();
    let status = match RunStatus::parse(&detail.status)? {
        RunStatus::Running => return None,
        RunStatus::Failed if code == RUN_TIMED_OUT => RunStatus::TimedOut,
        status => status,
    };
    let said = detail.cause.clone().filter(|cause| !cause.is_empty());
    let problem = match status {
        RunStatus::Running | RunStatus::Succeeded => None,
        RunStatus::Aborted => Some(
            Problem::new(
                409,
                "RunAborted",
                "Run Aborted",
                said.unwrap_or_else(|| "the run's execution was stopped".to_owned()),
            )
            .solution(["Start the workflow again if that was not meant"]),
        ),
        RunStatus::TimedOut => Some(
            Problem::new(
                504,
                RUN_TIMED_OUT,
                "Run Timed Out",
                said.unwrap_or_else(|| "the run took longer than it may".to_owned()),
            )
            .solution([
                "Raise `limits.timeoutSeconds` in the workflow",
                "Look in the run's nodes for the one that took long",
            ]),
        ),
        RunStatus::Failed => Some(
            Problem::new(
                500,
                if code.is_empty() {
                    "ExecutionFailed"
                } else {
                    code
                },
                "Execution Failed",
                said.unwrap_or_else(|| "the execution failed outside of a node".to_owned()),
            )
            .solution([
                "Open the execution in the Step Functions console: its name is the run's id",
            ]),
        ),
    };
    Some(Ended {
        status,
        at: detail
            .stop_date
            .and_then(|at| Timestamp::from_millisecond(at).ok())
            .unwrap_or_else(Timestamp::now),
        error: problem.map(|problem| RunError {
            problem: problem.redacted(),
            node: None,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(status: &str, error: Option<&str>, cause: Option<&str>) -> Detail {
        Detail {
            name: "run".to_owned(),
            status: status.to_owned(),
            stop_date: Some(1_795_392_004_000),
            error: error.map(str::to_owned),
            cause: cause.map(str::to_owned),
        }
    }

    fn code(ended: &Ended) -> Option<&str> {
        ended
            .error
            .as_ref()
            .map(|error| error.problem.code.as_str())
    }

    #[test]
    fn every_end_has_its_status_and_code() {
        for (said, error, status, expected) in [
            ("SUCCEEDED", None, RunStatus::Succeeded, None),
            (
                "FAILED",
                Some("InvalidApiKey"),
                RunStatus::Failed,
                Some("InvalidApiKey"),
            ),
            ("FAILED", None, RunStatus::Failed, Some("ExecutionFailed")),
            (
                "FAILED",
                Some("RunTimedOut"),
                RunStatus::TimedOut,
                Some("RunTimedOut"),
            ),
            (
                "TIMED_OUT",
                Some("States.Timeout"),
                RunStatus::TimedOut,
                Some("RunTimedOut"),
            ),
            ("ABORTED", None, RunStatus::Aborted, Some("RunAborted")),
        ] {
            let ended = ended(&detail(said, error, None)).unwrap();
            assert_eq!(ended.status, status, "{said} {error:?}");
            assert_eq!(code(&ended), expected, "{said} {error:?}");
            assert_eq!(ended.at.as_millisecond(), 1_795_392_004_000);
        }
    }

    #[test]
    fn an_execution_that_goes_on_or_an_unknown_word_changes_nothing() {
        assert!(ended(&detail("RUNNING", None, None)).is_none());
        assert!(ended(&detail("PENDING_REDRIVE", None, None)).is_none());
    }

    #[test]
    fn a_cause_never_carries_a_key() {
        let ended = ended(&detail("FAILED", Some("X"), Some("key sk-or-v1-abcdef"))).unwrap();
        assert_eq!(ended.error.unwrap().problem.cause, "key [key removed]");
    }
}
