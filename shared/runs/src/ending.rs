//! The words for how a run ends that no one node is to blame for.

use jiff::Timestamp;
use steps_problem::Problem;

use crate::{Ended, RunError, RunStatus};

/// The code of a run that took too long; also what its nodes end with.
pub const RUN_TIMED_OUT: &str = "RunTimedOut";

/// The code of a run that was stopped; also what its nodes end with.
pub const RUN_ABORTED: &str = "RunAborted";

/// The run took too long; `cause` where more is known of it.
pub fn timed_out(cause: Option<String>) -> Problem {
    let cause =
        cause.unwrap_or_else(|| "the run took longer than its `limits.timeoutSeconds`".to_owned());
    Problem::new(504, RUN_TIMED_OUT, "Run Timed Out", cause).solution([
        "Resume the run: it goes on with as much time again",
        "Or raise `limits.timeoutSeconds` in the workflow",
        "Look in the run's nodes for the one that took long",
    ])
}

/// The run was stopped; `cause` where more is known of it.
pub fn aborted(cause: Option<String>) -> Problem {
    let cause = cause.unwrap_or_else(|| "the run's execution was stopped".to_owned());
    Problem::new(409, RUN_ABORTED, "Run Aborted", cause)
        .solution(["Resume the run, or start the workflow again, if that was not meant"])
}

impl Ended {
    /// Ended now, for a reason that is no one node's.
    pub fn now(execution: u32, status: RunStatus, problem: Problem) -> Self {
        Self {
            execution,
            status,
            at: Timestamp::now(),
            error: Some(RunError {
                problem: problem.redacted(),
                node: None,
            }),
        }
    }

    /// Cancelled now, and why.
    pub fn cancelled(execution: u32, why: &str) -> Self {
        Self::now(execution, RunStatus::Aborted, aborted(Some(why.to_owned())))
    }
}
