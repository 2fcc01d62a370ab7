//! What the lanes of a run share, over the table and Step Functions.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use steps_executions::Executions;
use steps_problem::Problem;
use steps_store::{BegunList, Heir, Lane, Lanes, NextItem, Part, Runs, Told, Unit};
use steps_workflow::Plan;

use crate::board::{Answer, Board, Next};
use crate::parts::execution_of;

/// Where tokens are answered.
#[allow(
    async_fn_in_trait,
    reason = "a function works on one task at a time, so no future crosses threads"
)]
pub trait Tokens {
    /// Ends the token's task with this output; `false` where it has ended already, or was given up.
    async fn succeed(&self, token: &str, output: &Value) -> Result<bool, Problem>;

    /// Ends it with a failure of this name.
    async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<bool, Problem>;

    /// Starts the execution of a part that the run was handed over to, with so many lanes, unless it was started.
    async fn start(&self, run_id: &str, part: Part, lanes: u8) -> Result<(), Problem>;

    /// Whether the execution of a part has ended.
    async fn has_ended(&self, run_id: &str, part: Part) -> Result<bool, Problem>;
}

impl Tokens for Executions {
    async fn succeed(&self, token: &str, output: &Value) -> Result<bool, Problem> {
        Ok(Executions::succeed(self, token, output).await?)
    }

    async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<bool, Problem> {
        Ok(Executions::fail(self, token, error, cause).await?)
    }

    async fn start(&self, run_id: &str, part: Part, lanes: u8) -> Result<(), Problem> {
        let lanes = vec![None; usize::from(lanes)];
        Ok(Executions::start(self, &execution_of(run_id, part), &lanes).await?)
    }

    async fn has_ended(&self, run_id: &str, part: Part) -> Result<bool, Problem> {
        let found = self.find(&execution_of(run_id, part)).await?;
        Ok(found.is_none_or(|execution| execution.status != "RUNNING"))
    }
}

/// What a lane's tasks tell of its execution.
#[derive(Debug)]
pub struct Tasks {
    /// How many tasks the lane had before this one.
    pub before: u32,
    /// How many times this one was tried before.
    pub retries: u32,
    /// After so many tasks and retries of all lanes the execution hands the run over.
    pub most: u32,
    /// How many lanes the execution has.
    pub lanes: u8,
    /// The part that the run was at as its unit was read.
    pub seen: Cell<Option<Part>>,
}

/// A lane tells of its tasks each time it has had so many.
const COUNTED_AT_ONCE: u32 = 10;

/// A run as one of its lanes sees it.
#[derive(Debug)]
pub struct RunBoard<'a, T> {
    /// The records of lanes.
    pub lanes: &'a Lanes,
    /// Where tokens are answered.
    pub tokens: &'a T,
    /// The run's graph.
    pub plan: &'a Plan,
    /// The run.
    pub run_id: &'a str,
    /// The part of the run that the lane belongs to.
    pub part: Part,
    /// The lane.
    pub lane: u8,
    /// The runs.
    pub runs: &'a Runs,
    /// `None` for an execution that hands nothing over: one of an earlier release.
    pub tasks: Option<Tasks>,
}

impl<T> RunBoard<'_, T> {
    fn ranked<'u>(&self, unit: &'u str) -> (&'u str, u16) {
        (unit, self.rank(Unit::of(unit).node()))
    }

    fn rank(&self, node: &str) -> u16 {
        self.plan.node(node).map_or(0, |node| node.rank)
    }
}

impl<T: Tokens> Board for RunBoard<'_, T> {
    type Error = Problem;

    async fn takeable(&self) -> Result<Vec<(String, bool)>, Problem> {
        let units = self.lanes.takeable(self.run_id, self.part.take, self.lane);
        let units = units.await?.into_iter();
        Ok(units.map(|ready| (ready.unit, ready.taken)).collect())
    }

    async fn take(&self, unit: &str) -> Result<bool, Problem> {
        let unit = self.ranked(unit);
        Ok(self
            .lanes
            .take(self.run_id, self.part.take, unit, self.lane)
            .await?)
    }

    async fn offer(&self, unit: &str) -> Result<(), Problem> {
        let unit = self.ranked(unit);
        Ok(self
            .lanes
            .offer(self.run_id, self.part.take, unit, None)
            .await?)
    }

    async fn release(&self, unit: &str) -> Result<(), Problem> {
        let unit = self.ranked(unit);
        let released = self
            .lanes
            .release(self.run_id, self.part.take, unit, self.lane);
        Ok(released.await?)
    }

    async fn offer_again(&self, unit: &str) -> Result<(), Problem> {
        let unit = self.ranked(unit);
        Ok(self
            .lanes
            .offer_again(self.run_id, self.part.take, unit)
            .await?)
    }

    async fn put_down(&self, unit: &str) -> Result<(), Problem> {
        let unit = self.ranked(unit);
        Ok(self.lanes.put_down(self.run_id, unit, self.lane).await?)
    }

    async fn unlist(&self, unit: &str) -> Result<(), Problem> {
        Ok(self.lanes.unlist(self.run_id, self.ranked(unit)).await?)
    }

    async fn tell(&self, node: &str, need: u32) -> Result<Told, Problem> {
        let needs = BTreeSet::from([need]);
        Ok(self.lanes.tell(self.run_id, node, needs).await?)
    }

    async fn untouched(&self, units: Vec<String>) -> Result<Vec<String>, Problem> {
        let node = units.first().map_or("", |unit| Unit::of(unit).node());
        let rank = self.rank(node);
        let untouched = self
            .lanes
            .untouched(self.run_id, self.part.take, units, rank);
        Ok(untouched.await?)
    }

    async fn begin_list(
        &self,
        node: &str,
        total: u32,
        concurrency: u32,
    ) -> Result<BegunList, Problem> {
        let size = (total, concurrency);
        let begun = self
            .lanes
            .begin_list(self.run_id, self.part.take, node, size);
        Ok(begun.await?)
    }

    async fn tell_item(&self, node: &str, index: u32, total: u32) -> Result<Told, Problem> {
        let item = (index, total);
        Ok(self.lanes.tell_item(self.run_id, node, item).await?)
    }

    async fn next_item(&self, node: &str, index: u32, total: u32) -> Result<NextItem, Problem> {
        let ranked = (node, self.rank(node));
        let next = self
            .lanes
            .next_item(self.run_id, self.part.take, ranked, (index, total));
        Ok(next.await?)
    }

    async fn items_left(&self, node: &str, total: u32) -> Result<Option<Vec<String>>, Problem> {
        let ranked = (node, self.rank(node));
        let left = self
            .lanes
            .items_left(self.run_id, self.part.take, ranked, total);
        Ok(left.await?)
    }

    async fn lanes(&self) -> Result<Vec<Lane>, Problem> {
        Ok(self.lanes.list(self.run_id).await?)
    }

    async fn sleep(&self, token: &str, call: &str) -> Result<bool, Problem> {
        Ok(self
            .lanes
            .sleep(self.run_id, (self.lane, self.part), token, call)
            .await?)
    }

    async fn own(&self) -> Result<Lane, Problem> {
        Ok(self.lanes.get(self.run_id, self.lane).await?)
    }

    async fn hold(&self, seen: &Lane, call: &str) -> Result<bool, Problem> {
        let held = self.lanes.hold(self.run_id, seen, self.part, call);
        Ok(held.await?)
    }

    async fn inherit(&self, seen: &Lane, token: &str, call: &str) -> Result<bool, Problem> {
        let heir = Heir {
            part: self.part,
            token: token.to_owned(),
            call: call.to_owned(),
        };
        let waits = self.lanes.inherit(self.run_id, seen, &heir);
        Ok(waits.await?)
    }

    async fn let_go(&self, seen: &Lane, asleep: Option<&str>) -> Result<Option<Lane>, Problem> {
        let free = self.lanes.let_go(self.run_id, seen, self.part.take, asleep);
        Ok(free.await?)
    }

    async fn disinherit(&self, lane: u8, token: &str) -> Result<(), Problem> {
        Ok(self.lanes.disinherit(self.run_id, lane, token).await?)
    }

    async fn part(&self) -> Result<Option<Part>, Problem> {
        if self.tasks.is_none() {
            return Ok(Some(self.part));
        }
        Ok(self.runs.part(self.run_id).await?)
    }

    fn is_handed_over(&self) -> bool {
        let tasks = self.tasks.as_ref();
        let seen = tasks.and_then(|tasks| tasks.seen.get());
        seen.is_some_and(|seen| seen.take == self.part.take && seen > self.part)
    }

    async fn count(&self) -> Result<bool, Problem> {
        let Some(tasks) = &self.tasks else {
            return Ok(false);
        };
        // A task that is tried again is counted again, rather too often than too rarely.
        let is_ten = (tasks.before + 1).is_multiple_of(COUNTED_AT_ONCE);
        let more = tasks.retries + if is_ten { COUNTED_AT_ONCE } else { 0 };
        if more == 0 {
            return Ok(false);
        }
        let counted = self.lanes.count_tasks(self.run_id, self.part, more).await?;
        Ok(counted >= tasks.most)
    }

    async fn hand_over(&self) -> Result<(), Problem> {
        if let Some(tasks) = &self.tasks {
            let lanes = tasks.lanes;
            let run = self.run_id;
            if self.runs.hand_over(run, self.part, lanes).await? {
                tracing::info!(run, part = self.part.number, "handed over");
            }
        }
        Ok(())
    }

    async fn start(&self, part: Part) -> Result<(), Problem> {
        let lanes = self.tasks.as_ref().map_or(0, |tasks| tasks.lanes);
        self.tokens.start(self.run_id, part, lanes).await
    }

    async fn has_ended(&self, part: Part) -> Result<bool, Problem> {
        self.tokens.has_ended(self.run_id, part).await
    }

    async fn wake(&self, lane: u8, token: &str) -> Result<(), Problem> {
        Ok(self.lanes.wake(self.run_id, lane, token).await?)
    }

    async fn answer(&self, token: &str, answer: Answer<'_>) -> Result<bool, Problem> {
        match answer {
            Answer::Next(Next { unit, listed, was }) => {
                let next = json!({"unit": unit, "listed": listed, "was": was});
                self.tokens.succeed(token, &next).await
            }
            Answer::Wait {
                seconds,
                unit,
                listed,
            } => {
                let word = if listed { "listed" } else { "kept" };
                let cause = format!("{seconds} {word} {unit}");
                self.tokens.fail(token, "Lane.Wait", &cause).await
            }
            Answer::Done => self.tokens.fail(token, "Lane.Done", "").await,
        }
    }
}
