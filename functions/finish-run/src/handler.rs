//! The record follows an execution's end once; what comes later, again or out of order changes nothing.

use jiff::Timestamp;
use serde::Deserialize;
use steps_problem::Problem;
use steps_runs::{Ended, RunError, RunStatus, Store};

/// What this function works with.
#[derive(Debug)]
pub(crate) struct FinishRun {
    pub(crate) store: Store,
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
