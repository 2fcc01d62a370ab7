//! An execution has ended: the run's record is closed as it ended, once. What comes later, again or out of order changes
//! nothing. Nor does an execution that has handed its run over, unless it failed.

use jiff::{SignedDuration, Timestamp};
use steps_executions::{Execution, ExecutionName};
use steps_lanes::{execution_of, start_part};
use steps_metrics::RunEnd;
use steps_problem::Problem;
use steps_store::{Ended, Error, RUN_TIMED_OUT, RunError, RunStatus, aborted, timed_out};

use crate::app::App;
use crate::event::Detail;
use crate::follow_up::follow_up;

/// Closes the record of the run whose execution the event tells of.
pub(crate) async fn changed(app: &App, detail: Detail) -> Result<(), Problem> {
    let name = detail.name.clone();
    match ExecutionName::parse(&name) {
        Some(name) => follow(app, &name, &Execution::from(detail)).await,
        // Somebody tried the machine by hand.
        None => Ok(()),
    }
}

/// Ends the record as the execution ended, where it has.
pub(crate) async fn follow(
    app: &App,
    name: &ExecutionName<'_>,
    execution: &Execution,
) -> Result<(), Problem> {
    let Some(ended) = ended(name, execution) else {
        return Ok(());
    };
    let head = match app.store.runs().head(name.run_id).await {
        Ok(head) => head,
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // The records and texts of a run that went on for long are as old as its nodes.
    let runs = app.store.runs();
    let day = SignedDuration::from_hours(24).min(runs.keep_every());
    runs.keep(name.run_id, &head, day, Timestamp::now()).await?;
    let later = Some(head).filter(|head| {
        let is_later = head.part.take == name.take && head.part.number > name.part;
        head.status == RunStatus::Running && is_later
    });
    match later {
        // Whoever handed the run over may have died before it started the next execution.
        Some(head) if ended.status == RunStatus::Succeeded => {
            start_part(&app.executions, name.run_id, &head).await
        }
        Some(head) => {
            // The next execution cannot do what this one had in hand.
            end(app, name, &ended).await?;
            let name = execution_of(name.run_id, head.part);
            Ok(app.executions.stop(&name, "the run has ended").await?)
        }
        None => end(app, name, &ended).await,
    }
}

/// Ends the record, where it has not ended before.
pub(crate) async fn end(app: &App, name: &ExecutionName<'_>, ended: &Ended) -> Result<(), Problem> {
    let run_id = name.run_id;
    let changed = app.store.runs().end(run_id, ended).await?;
    tracing::info!(
        run = run_id,
        execution = %name,
        status = ended.status.as_str(),
        changed,
        "execution ended"
    );
    if changed {
        RunEnd {
            run: run_id,
            status: ended.status.as_str(),
        }
        .write();
    }
    // Also where somebody else has ended it: a cancel leaves this to be done.
    follow_up(app, run_id, |_| true).await
}

impl From<Detail> for Execution {
    fn from(detail: Detail) -> Self {
        Self {
            status: detail.status,
            stopped_at: detail
                .stop_date
                .and_then(|at| Timestamp::from_millisecond(at).ok()),
            error: detail.error,
            cause: detail.cause,
        }
    }
}

/// `None` for an execution that goes on.
fn ended(name: &ExecutionName<'_>, execution: &Execution) -> Option<Ended> {
    let code = execution.error.as_deref().unwrap_or_default();
    let status = match RunStatus::parse(&execution.status)? {
        RunStatus::Running | RunStatus::Queued => return None,
        RunStatus::Failed if code == RUN_TIMED_OUT => RunStatus::TimedOut,
        status => status,
    };
    let said = execution.cause.clone().filter(|cause| !cause.is_empty());
    let problem = match status {
        RunStatus::Running | RunStatus::Queued | RunStatus::Succeeded => None,
        RunStatus::Aborted => Some(aborted(said)),
        RunStatus::TimedOut => Some(timed_out(said)),
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
        execution: name.take,
        status,
        at: execution.stopped_at.unwrap_or_else(Timestamp::now),
        error: problem.map(|problem| RunError {
            problem: problem.redacted(),
            node: None,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: ExecutionName<'_> = ExecutionName {
        run_id: "run",
        take: 2,
        part: 1,
    };

    fn execution(status: &str, error: Option<&str>, cause: Option<&str>) -> Execution {
        Execution {
            status: status.to_owned(),
            stopped_at: Timestamp::from_millisecond(1_795_392_004_000).ok(),
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
            let ended = ended(&NAME, &execution(said, error, None)).unwrap();
            assert_eq!(ended.execution, 2);
            assert_eq!(ended.status, status, "{said} {error:?}");
            assert_eq!(code(&ended), expected, "{said} {error:?}");
            assert_eq!(ended.at.as_millisecond(), 1_795_392_004_000);
        }
    }

    #[test]
    fn an_execution_that_goes_on_or_an_unknown_word_changes_nothing() {
        for status in ["RUNNING", "PENDING_REDRIVE"] {
            assert!(ended(&NAME, &execution(status, None, None)).is_none());
        }
    }

    #[test]
    fn a_cause_never_carries_a_key() {
        let failed = execution("FAILED", Some("X"), Some("key sk-or-v1-abcdef"));
        let ended = ended(&NAME, &failed).unwrap();
        assert_eq!(ended.error.unwrap().problem.cause, "key [key removed]");
    }
}
