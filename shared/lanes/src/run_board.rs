//! What the lanes of a run share, over the table and Step Functions.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use steps_executions::Executions;
use steps_problem::Problem;
use steps_store::{Lane, Lanes, Told};
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
        (unit, self.plan.node(unit).map_or(0, |node| node.rank))
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

    async fn unlist(&self, unit: &str) -> Result<(), Problem> {
        Ok(self.lanes.unlist(self.run_id, self.ranked(unit)).await?)
    }

    async fn tell(&self, node: &str, need: u32) -> Result<Told, Problem> {
        let needs = BTreeSet::from([need]);
        Ok(self.lanes.tell(self.run_id, node, needs).await?)
    }

    async fn is_untouched(&self, unit: &str) -> Result<bool, Problem> {
        Ok(self
            .lanes
            .is_untouched(self.run_id, self.ranked(unit))
            .await?)
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
