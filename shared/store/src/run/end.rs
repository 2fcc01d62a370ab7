//! The end of a run, written once. Also the problems of runs that end by timeout or cancel, not by a node.

use jiff::Timestamp;
use steps_problem::Problem;

use crate::Error;
use crate::due::{DUE, DUE_AT};
use crate::keys::{self, STATUS_LIST};
use crate::lane::{CHARGES, Lanes};
use crate::run::gate::{self, LONGEST_WAIT};
use crate::run::record::{
    ENDED_AT, ERROR, EXECUTION, RunError, RunStatus, Runs, STATUS, TOTALS, totals,
};
use crate::table::key::PK;
use crate::table::{Change, Transacted};

/// How an execution ended.
#[derive(Debug)]
pub struct Ended {
    /// The number of the execution.
    pub execution: u32,
    /// Any status but [`RunStatus::Running`] and [`RunStatus::Queued`].
    pub status: RunStatus,
    /// When, by Step Functions' clock.
    pub at: Timestamp,
    /// Why; kept only where no node has recorded its failure as the reason before.
    pub error: Option<RunError>,
}

/// The code of a run that took too long, and of its nodes that had not ended.
pub const RUN_TIMED_OUT: &str = "RunTimedOut";

/// The code of a run that was stopped, and of its nodes that had not ended.
pub const RUN_ABORTED: &str = "RunAborted";

/// The problem of a run that took too long. `cause` where more is known.
pub fn timed_out(cause: Option<String>) -> Problem {
    let cause =
        cause.unwrap_or_else(|| "the run took longer than its `limits.timeoutSeconds`".to_owned());
    Problem::new(504, RUN_TIMED_OUT, "Run Timed Out", cause).solution([
        "Resume the run: it goes on with as much time again",
        "Or raise `limits.timeoutSeconds` in the workflow",
        "Look in the run's nodes for the one that took long",
    ])
}

/// The problem of a run that was stopped. `cause` where more is known.
pub fn aborted(cause: Option<String>) -> Problem {
    let cause = cause.unwrap_or_else(|| "the run's execution was stopped".to_owned());
    Problem::new(409, RUN_ABORTED, "Run Aborted", cause)
        .solution(["Resume the run, or start the workflow again, if that was not meant"])
}

/// The problem of a run that waited too long.
pub fn waited_too_long() -> Problem {
    timed_out(Some(format!(
        "the run waited {} hours for others of its workflow to end, and was not started",
        LONGEST_WAIT.as_hours()
    )))
}

impl Ended {
    /// An end now, for a reason that has to do with no single node.
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

    /// An end now by a cancel. `why` says for what reason.
    pub fn cancelled(execution: u32, why: &str) -> Self {
        Self::now(execution, RunStatus::Aborted, aborted(Some(why.to_owned())))
    }
}

impl Runs {
    /// Ends a run whose execution is RUNNING, or that waits for it, and notes what it has used and cost. `false` where it had
    /// ended before.
    pub async fn end(&self, id: &str, ended: &Ended) -> Result<bool, Error> {
        let change = end_of(id, ended, RunStatus::Running)?;
        let changed = self.0.write(change).await? || self.end_waiting(id, ended).await?;
        // Also where the run had ended before: who ended it may have died before this line.
        self.note_totals(id).await?;
        Ok(changed)
    }

    /// Ends a run that waits at its workflow's gate. `false` where it does not wait.
    async fn end_waiting(&self, id: &str, ended: &Ended) -> Result<bool, Error> {
        let head = self.0.get(keys::run(id)).await?.unwrap_or_default();
        if STATUS.find(&head)? != Some(RunStatus::Queued) {
            return Ok(false);
        }
        let workflow_id = keys::WORKFLOW_ID.get(&head)?;
        let change = end_of(id, ended, RunStatus::Queued)?;
        let [gate, waits] = gate::leaves_queue(&workflow_id, id);
        let written = self.0.transact([change.into(), gate, waits]).await?;
        // It has no execution whose end would be heard of.
        self.erase_later(id, ended.at).await?;
        Ok(matches!(written, Transacted::Done))
    }

    /// Notes in the run's head what its lanes have used and cost together, for lists. Changes nothing where somebody has
    /// noted a later sum.
    pub async fn note_totals(&self, id: &str) -> Result<(), Error> {
        let Some(head) = self.0.get(keys::run(id)).await? else {
            return Ok(());
        };
        let lanes = Lanes(self.0.clone()).items(id).await?;
        let totals = totals(&head, &lanes)?;
        let newer = CHARGES.missing().or(CHARGES.is_below(totals.charges));
        let change = Change::of(keys::run(id))
            .when(PK.exists().and(newer))
            .set(TOTALS, &totals)
            .set(CHARGES, totals.charges);
        self.0.write(change).await?;
        Ok(())
    }
}

/// The change that ends a run with this status before.
fn end_of(id: &str, ended: &Ended, before: RunStatus) -> Result<Change, Error> {
    let list = keys::status_list(ended.status.as_str(), id)?;
    let change = Change::of(keys::run(id))
        .when(STATUS.is(before).and(EXECUTION.is(ended.execution)))
        .set(STATUS, ended.status)
        .set(STATUS_LIST, list)
        .set(ENDED_AT, ended.at)
        .remove(DUE)
        .remove(DUE_AT);
    let change = match &ended.error {
        Some(error) => change.set_once(ERROR, error),
        None => change.remove(ERROR),
    };
    Ok(change)
}
