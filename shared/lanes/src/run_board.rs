//! What the lanes of a run share, over the table and Step Functions.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use steps_executions::Executions;
use steps_problem::Problem;
use steps_store::{BegunList, Lane, Lanes, NextItem, Told, Unit};
use steps_workflow::Plan;

use crate::board::{Answer, Board, Next};

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
}

impl Tokens for Executions {
    async fn succeed(&self, token: &str, output: &Value) -> Result<bool, Problem> {
        Ok(Executions::succeed(self, token, output).await?)
    }

    async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<bool, Problem> {
        Ok(Executions::fail(self, token, error, cause).await?)
    }
}

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
    /// Its take: 1, one more with each resume.
    pub take: u32,
    /// The lane.
    pub lane: u8,
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
        let units = self.lanes.takeable(self.run_id, self.take, self.lane);
        let units = units.await?.into_iter();
        Ok(units.map(|ready| (ready.unit, ready.taken)).collect())
    }

    async fn take(&self, unit: &str) -> Result<bool, Problem> {
        let unit = self.ranked(unit);
        Ok(self
            .lanes
            .take(self.run_id, self.take, unit, self.lane)
            .await?)
    }

    async fn offer(&self, unit: &str) -> Result<(), Problem> {
        let unit = self.ranked(unit);
        Ok(self.lanes.offer(self.run_id, self.take, unit, None).await?)
    }

    async fn release(&self, unit: &str) -> Result<(), Problem> {
        let unit = self.ranked(unit);
        let released = self.lanes.release(self.run_id, self.take, unit, self.lane);
        Ok(released.await?)
    }

    async fn offer_again(&self, unit: &str) -> Result<(), Problem> {
        let unit = self.ranked(unit);
        Ok(self.lanes.offer_again(self.run_id, self.take, unit).await?)
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
        let untouched = self.lanes.untouched(self.run_id, self.take, units, rank);
        Ok(untouched.await?)
    }

    async fn begin_list(
        &self,
        node: &str,
        total: u32,
        concurrency: u32,
    ) -> Result<BegunList, Problem> {
        let size = (total, concurrency);
        let begun = self.lanes.begin_list(self.run_id, self.take, node, size);
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
            .next_item(self.run_id, self.take, ranked, (index, total));
        Ok(next.await?)
    }

    async fn items_left(&self, node: &str, total: u32) -> Result<Option<Vec<String>>, Problem> {
        let ranked = (node, self.rank(node));
        let left = self.lanes.items_left(self.run_id, self.take, ranked, total);
        Ok(left.await?)
    }

    async fn lanes(&self) -> Result<Vec<Lane>, Problem> {
        Ok(self.lanes.list(self.run_id).await?)
    }

    async fn sleep(&self, token: &str, call: &str) -> Result<(), Problem> {
        Ok(self
            .lanes
            .sleep(self.run_id, self.lane, token, call)
            .await?)
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
