//! The end of an attempt, written once. Its cost is counted once, in the node, the run and every budget: in one
//! transaction.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use steps_problem::Problem;
use steps_usage::Usage;

use crate::Error;
use crate::budget::Reserved;
use crate::due::{DUE, DUE_AT, Due, costs_change};
use crate::keys;
use crate::lane::Settles;
use crate::node::claim::Lease;
use crate::node::cost::{Charge, FIRST_ASKED};
use crate::node::pause::Pause;
use crate::node::record::{
    ATTEMPT_COST_USD, ATTEMPT_ENDED_AT, ATTEMPTS, Attempt, BY_HAND, GIVEN, Nodes, OUTPUT, OWNER,
    PAUSE, WAIT_CODE, changed,
};
use crate::node::row::{
    ANSWER, Answer, COST_USD, ENDED_AT, ERROR, HANDLED, LEASE_UNTIL, NodeStatus, STATUS,
    WAIT_UNTIL, WAITING, Waiting,
};
use crate::run::RunError;
use crate::table::{Change, Delete, Transacted, Write};
use crate::unit::Unit;

/// How an attempt ended.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It succeeded: its answer is the node's variable.
    Succeeded(&'a Value),
    /// It failed, but a next attempt may succeed: it begins at `until`.
    Waiting {
        /// When the next attempt begins.
        until: Timestamp,
        /// What happened.
        problem: &'a Problem,
        /// Whether it waits without a lane.
        paused: bool,
    },
    /// It has neither succeeded nor failed: the node waits without a lane, until `until` at the latest.
    Paused {
        /// What for.
        waiting: Waiting,
        /// When it is tried again at the latest.
        until: Timestamp,
        /// What is kept of it.
        pause: &'a Pause,
    },
    /// It failed, and so has the node.
    Failed(&'a Problem),
    /// It failed, and so has the node, but the run goes on: this is the node's variable.
    Handled(&'a Problem, &'a Value),
}

/// An outcome in the form that is written: the text of an answer is stored already.
enum Kept<'a> {
    Succeeded(AttributeValue, Answer),
    Waiting(Timestamp, &'a Problem, Option<Pause>),
    Paused(Waiting, Timestamp, &'a Pause),
    Failed(&'a Problem),
    Handled(&'a Problem, AttributeValue, Answer),
}

/// What settling an attempt writes and counts.
struct Settlement {
    attempt: Attempt,
    /// The part that is not counted yet.
    cost: Decimal,
    /// What is not given back to budgets yet.
    reserved: Option<Reserved>,
    /// The part that is not counted yet.
    usage: Usage,
    unpriced: bool,
    /// Whether another function has counted the cost already.
    recovered: bool,
    now: Timestamp,
}

/// What the end of an attempt writes into the run's head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfRun {
    /// Why the run fails, where the node does, and what the run's budget gets back.
    Told,
    /// What the budget gets back: a failure of an earlier take is not the run's.
    Charged,
    /// Nothing: its record has expired.
    Nothing,
}

impl Nodes {
    /// Ends the attempt under this lease: the node's new state and what it cost, in one transaction with the run's
    /// total. An answer that comes after the node has ended another way is not stored, but its cost is counted; an
    /// end that was written before changes nothing. `unpriced` where OpenRouter has yet to say what this attempt or
    /// an earlier one cost: it is due to be asked. `false` where the node's state is not known to be of this call.
    pub async fn settle(
        &self,
        lease: &Lease,
        attempt: &Attempt,
        outcome: &Outcome<'_>,
        unpriced: bool,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut end = Settlement {
            attempt: Attempt {
                execution: lease.execution,
                credential_id: lease.credential_id.clone(),
                ..attempt.clone()
            },
            cost: attempt.cost_usd.unwrap_or_default(),
            reserved: lease.reserved.clone(),
            usage: attempt.usage.clone().unwrap_or_default(),
            unpriced,
            recovered: false,
            now,
        };
        if end.attempt.is_unpriced() {
            // Budgets hold the reserve back until the cost is known.
            end.attempt.reserved = end.reserved.take();
        }
        let kept = self.keep(lease, outcome, &end.usage).await?;
        if self.write_end(lease, &end, Some(&kept)).await? {
            return Ok(true);
        }
        let node = self.get(&lease.run_id, &lease.node_id).await?;
        let recorded = node
            .as_ref()
            .and_then(|node| node.attempts.get(lease.attempt));
        match recorded {
            None => {
                return Err(Error::Malformed {
                    attribute: ATTEMPTS.name(),
                });
            }
            Some(recorded) if recorded.ended_at.is_some() => return Ok(false),
            Some(Attempt {
                cost_usd: Some(cost),
                usage,
                ..
            }) => {
                // Another function thought that this one had died. It asked OpenRouter for the cost and counted it.
                let counted = usage.clone().unwrap_or_default();
                end.usage = counted.missing_from(&end.usage);
                end.attempt.usage = Some(counted.with(&end.usage));
                end.attempt.cost_usd = Some(*cost);
                end.attempt.reserved = None;
                end.cost = Decimal::ZERO;
                end.reserved = None;
                end.recovered = true;
                if self.write_end(lease, &end, Some(&kept)).await? {
                    return Ok(true);
                }
            }
            Some(_) => {}
        }
        tracing::warn!(
            run = lease.run_id,
            node = lease.node_id,
            "the node had ended in another way: only the attempt's end and cost are recorded"
        );
        self.write_end(lease, &end, None).await?;
        Ok(false)
    }

    /// Stores an answer's text.
    async fn keep<'o>(
        &self,
        lease: &Lease,
        outcome: &Outcome<'o>,
        usage: &Usage,
    ) -> Result<Kept<'o>, Error> {
        let keep = async |output: &Value| {
            let number = lease.attempt + 1;
            let place = lease.node_id.replace('#', "/");
            let object = format!("runs/{}/{place}.{number}.json.gz", lease.run_id);
            let text = output.to_string();
            let kept = self.0.texts().keep(&object, &text).await?;
            Ok::<_, Error>((kept, Answer::of(output, &text, usage, number)))
        };
        Ok(match *outcome {
            Outcome::Succeeded(output) => {
                let (kept, answer) = keep(output).await?;
                Kept::Succeeded(kept, answer)
            }
            Outcome::Handled(problem, output) => {
                let (kept, answer) = keep(output).await?;
                Kept::Handled(problem, kept, answer)
            }
            Outcome::Waiting {
                until,
                problem,
                paused,
            } => Kept::Waiting(until, problem, paused.then(|| Pause::until(until))),
            Outcome::Paused {
                waiting,
                until,
                pause,
            } => Kept::Paused(waiting, until, pause),
            Outcome::Failed(problem) => Kept::Failed(problem),
        })
    }

    /// Writes the end; `false` where its condition fails. With an outcome, the node's state has to allow that outcome.
    /// Without one, the end must not have been written before.
    async fn write_end(
        &self,
        lease: &Lease,
        end: &Settlement,
        outcome: Option<&Kept<'_>>,
    ) -> Result<bool, Error> {
        for of_run in [OfRun::Told, OfRun::Charged, OfRun::Nothing] {
            match self.try_end(lease, end, outcome, of_run).await? {
                Transacted::Done => return Ok(true),
                Transacted::Refused { index: 0, .. } => return Ok(false),
                // The run has been resumed, or its record has expired.
                Transacted::Refused { .. } => {}
            }
        }
        Ok(false)
    }

    /// Writes the end, and of the run as much as `of_run` says. That is refused where the run has been resumed since, or is
    /// gone.
    async fn try_end(
        &self,
        lease: &Lease,
        end: &Settlement,
        outcome: Option<&Kept<'_>>,
        of_run: OfRun,
    ) -> Result<Transacted, Error> {
        let attempt = || ATTEMPTS.at(lease.attempt);
        let mut node = Change::of(lease.key())
            .when(attempt().field(ATTEMPT_ENDED_AT).missing())
            .set(attempt(), &end.attempt)
            .add(COST_USD, end.cost);
        if !end.recovered {
            node = node.when(attempt().field(ATTEMPT_COST_USD).missing());
        }
        if end.unpriced {
            node = node.set(DUE, Due::Cost).set(DUE_AT, end.now + FIRST_ASKED);
        }
        let ends = !matches!(outcome, Some(Kept::Waiting(..) | Kept::Paused(..)) | None);
        if ends && lease.has_paused {
            node = node.remove(PAUSE);
        }
        if outcome.is_some() {
            node = node.remove(LEASE_UNTIL).remove(OWNER);
            node = changed(node, &lease.node_id, end.now, lease.watched);
        }
        let held = || OWNER.is(&lease.owner);
        let mut failed = None;
        node = match outcome {
            None => node,
            // The first answer is kept, even if another function has the lease by now.
            Some(Kept::Succeeded(output, answer)) => node
                .when(STATUS.is_one_of([NodeStatus::Running, NodeStatus::Waiting]))
                .set(STATUS, NodeStatus::Succeeded)
                .set(OUTPUT, output)
                .set(ANSWER, answer)
                .set(ENDED_AT, end.now)
                .remove(GIVEN)
                .remove(BY_HAND)
                .remove(WAITING)
                .remove(WAIT_CODE)
                .remove(ERROR),
            Some(Kept::Waiting(until, problem, pause)) => node
                .when(held())
                .set_or_remove(PAUSE, pause.as_ref())
                .set(STATUS, NodeStatus::Waiting)
                .set(ERROR, *problem)
                .set(WAITING, Waiting::Retry)
                .set(WAIT_UNTIL, *until)
                .set(WAIT_CODE, &problem.code),
            Some(Kept::Paused(waiting, until, pause)) => node
                .when(held())
                .set(STATUS, NodeStatus::Waiting)
                .set(WAITING, *waiting)
                .set(WAIT_UNTIL, *until)
                .set(PAUSE, *pause),
            Some(Kept::Handled(problem, output, answer)) => node
                .when(held())
                .set(STATUS, NodeStatus::Failed)
                .set(HANDLED, 1)
                .set(ERROR, *problem)
                .set(OUTPUT, output)
                .set(ANSWER, answer)
                .set(ENDED_AT, end.now),
            Some(Kept::Failed(problem)) => {
                failed = Some(run_error(&lease.node_id, problem));
                node.when(held())
                    .set(STATUS, NodeStatus::Failed)
                    .set(ERROR, *problem)
                    .set(ENDED_AT, end.now)
            }
        };
        let charge = Charge {
            unit: &lease.node_id,
            lane: lease.lane,
            cost: end.cost,
            reserved: end.reserved.as_ref(),
            usage: &end.usage,
            settles: match outcome {
                Some(Kept::Succeeded(..)) => Some(Settles::Succeeded),
                Some(Kept::Handled(..)) => Some(Settles::Failed),
                Some(Kept::Waiting(..) | Kept::Paused(..) | Kept::Failed(_)) | None => None,
            },
            failed: failed
                .as_ref()
                .filter(|_| of_run == OfRun::Told)
                .map(|error| (lease.execution, error)),
            run_is_gone: of_run == OfRun::Nothing,
        };
        let timer = match outcome {
            Some(Kept::Paused(_, until, pause)) => Some(self.timer(lease, *until, pause).into()),
            Some(Kept::Waiting(until, _, Some(pause))) => {
                Some(self.timer(lease, *until, pause).into())
            }
            Some(_) if lease.has_paused => {
                Some(Delete::of(keys::paused(&lease.run_id, &lease.node_id)).into())
            }
            _ => None,
        };
        let mut writes: Vec<Write> = vec![node.into()];
        writes.extend(self.charge(&lease.run_id, &charge));
        writes.extend(timer);
        if outcome.is_none() && !end.cost.is_zero() {
            // The run may have ended: nothing else would look at what it cost.
            writes.push(costs_change(&self.0, &lease.run_id, end.now));
        }
        self.0.transact(writes).await
    }
}

/// The failure of a unit as the run's: it names the node, and the item of its list.
pub(super) fn run_error(unit: &str, problem: &Problem) -> RunError {
    let unit = Unit::of(unit);
    let mut problem = problem.clone();
    if let Some(index) = unit.index() {
        problem.cause = format!("item {index} of the list: {}", problem.cause);
    }
    RunError {
        problem,
        node: Some(unit.node().to_owned()),
    }
}
