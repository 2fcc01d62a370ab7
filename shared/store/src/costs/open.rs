//! How much is still open: what the costs by day do not have yet.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::try_join;

use crate::Error;
use crate::costs::record::Costs;
use crate::due::{DUE, DUE_AT, Due};
use crate::keys::{self, BY_DUE};
use crate::run::FollowUp;
use crate::table::{Condition, Item, Query};

/// What is not in the costs by day yet. More than 1,000 of a kind are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenCosts {
    /// Nodes with calls whose cost OpenRouter is asked for: it is added when it is known.
    pub calls: usize,
    /// Runs that have not ended: what they cost is added at their end.
    pub runs: usize,
    /// Runs that have ended, and whose costs are added at this moment or by the next sweep, within a minute.
    pub ends: usize,
    /// Whether there are more than these.
    pub more: bool,
}

/// How many of a kind are counted.
const COUNTED: usize = 1_000;

impl Costs {
    /// What is open at this moment. The index is a moment behind.
    pub async fn open(&self, now: Timestamp) -> Result<OpenCosts, Error> {
        let late = DUE.is(Due::Entered).and(DUE_AT.is_at_most(now));
        let ((calls, more_calls), (runs, more_runs), (ends, more_ends), (late, more_late)) = try_join!(
            self.due(DUE.is(Due::Cost)),
            self.due(DUE.is(Due::Run)),
            self.due(DUE.is(Due::End)),
            self.due(late),
        )?;
        let mut ending = 0;
        for item in &ends {
            let what = keys::outbox_of(item)?;
            let is_of_costs = what.is_some_and(|(_, what)| what == FollowUp::Costs.as_str());
            ending += usize::from(is_of_costs);
        }
        Ok(OpenCosts {
            calls: calls.len(),
            runs: runs.len(),
            ends: ending + late.len(),
            more: more_calls || more_runs || more_ends || more_late,
        })
    }

    /// What is due, and whether there is more.
    async fn due(&self, keys: Condition) -> Result<(Vec<Item>, bool), Error> {
        let query = Query::of(keys).index(BY_DUE).limit(COUNTED);
        let (items, next) = self.0.page(query).await?;
        Ok((items, next.is_some()))
    }
}
