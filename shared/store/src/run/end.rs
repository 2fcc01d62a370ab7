//! The end of a run, written once. Also the problems of runs that end by timeout or cancel, not by a node.

use jiff::Timestamp;
use steps_problem::Problem;

use crate::Error;
use crate::due::{DUE, DUE_AT};
use crate::keys::{self, STATUS_LIST};
use crate::lane::{CHARGES, Lanes};
use crate::run::gate::{self, LONGEST_WAIT};
use crate::run::outbox::{TakeEnded, entry, follow_ups};
use crate::run::record::{
    ENDED_AT, ERROR, EXECUTION, RunError, RunStatus, Runs, STATUS, TOTALS, totals,
};
use crate::table::key::PK;
use crate::table::{Change, Item, Transacted, Write};

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
    /// ended before, or was let in at this moment. What the end asks for is written into the run's outbox in the same write:
    /// see [`crate::FollowUp`].
    pub async fn end(&self, id: &str, ended: &Ended) -> Result<bool, Error> {
        let Some(head) = self.0.get(keys::run(id)).await? else {
            return Ok(false);
        };
        let before = STATUS.get(&head)?;
        let goes_on = !before.has_ended() && EXECUTION.get(&head)? == ended.execution;
        let changed = goes_on && self.write_end(id, ended, before, &head).await?;
        // Also where the run had ended before: who ended it may have died before this line.
        self.note_totals_of(id, &head).await?;
        Ok(changed)
    }

    async fn write_end(
        &self,
        id: &str,
        ended: &Ended,
        before: RunStatus,
        head: &Item,
    ) -> Result<bool, Error> {
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
        let of_node = ERROR.find(head)?;
        let take = TakeEnded {
            run_id: id,
            take: ended.execution,
            status: ended.status,
            // The node that failed has told the reason before.
            error: ended
                .error
                .as_ref()
                .map(|own| of_node.as_ref().unwrap_or(own)),
            at: ended.at,
            expires: self.0.expires(Timestamp::now()),
        };
        let asked = follow_ups(head, ended.status)?;
        let mut with_it: Vec<Write> = Vec::new();
        if before == RunStatus::Queued {
            let workflow_id = keys::WORKFLOW_ID.get(head)?;
            with_it.extend(gate::leaves_queue(&workflow_id, id));
        }
        with_it.extend(asked.into_iter().map(|what| entry(&take, what).into()));
        let writes = std::iter::once(change.into()).chain(with_it);
        Ok(matches!(self.0.transact(writes).await?, Transacted::Done))
    }

    /// Notes in the run's head what its lanes have used and cost together, for lists. Changes nothing where somebody has
    /// noted a later sum.
    pub async fn note_totals(&self, id: &str) -> Result<(), Error> {
        match self.0.get(keys::run(id)).await? {
            Some(head) => self.note_totals_of(id, &head).await,
            None => Ok(()),
        }
    }

    async fn note_totals_of(&self, id: &str, head: &Item) -> Result<(), Error> {
        let lanes = Lanes(self.0.clone()).items(id).await?;
        let totals = totals(head, &lanes)?;
        let newer = CHARGES.missing().or(CHARGES.is_below(totals.charges));
        let change = Change::of(keys::run(id))
            .when(PK.exists().and(newer))
            .set(TOTALS, &totals)
            .set(CHARGES, totals.charges);
        self.0.write(change).await?;
        Ok(())
    }
}
