//! What has to be looked at again: runs that have not ended, what their ends have left to do, and calls whose cost is not known. An index holds only
//! these, so a look costs almost nothing where there are none.

use std::time::Duration;

use jiff::Timestamp;

use crate::Error;
use crate::keys::{self, BY_DUE, EXPIRES_AT, Key};
use crate::table::item::kept_as_word;
use crate::table::key::{PK, SK};
use crate::table::{Attribute, Change, Delete, Query, Table, Write};

/// Why something is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A run has not ended.
    Run,
    /// A run has ended, and not all is done that its end asks for.
    End,
    /// The cost of a node's call is not known.
    Cost,
    /// Runs wait at a workflow's gate.
    Gate,
    /// The texts of a run are not to be kept.
    Texts,
    /// Of what a run cost, not all stands in the costs by day.
    Entered,
    /// Functions may still be at work on nodes of a run that did not succeed: more may come of its costs.
    Unsettled,
    /// The time of a unit has come that waits without a lane.
    Timer,
}

impl Due {
    fn as_str(self) -> &'static str {
        match self {
            Self::Run => "RUN",
            Self::End => "END",
            Self::Cost => "COST",
            Self::Gate => "GATE",
            Self::Texts => "TEXTS",
            Self::Entered => "ENTERED",
            Self::Unsettled => "UNSETTLED",
            Self::Timer => "TIMER",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Run,
            Self::End,
            Self::Cost,
            Self::Gate,
            Self::Texts,
            Self::Entered,
            Self::Unsettled,
            Self::Timer,
        ];
        all.into_iter().find(|due| due.as_str() == word)
    }
}

kept_as_word!(Due);

/// Why the item is looked at again, and when.
pub(crate) const DUE: Attribute<Due> = Attribute::new("due");
pub(crate) const DUE_AT: Attribute<Timestamp> = Attribute::new("dueAt");

/// The write that makes a run's costs due to be looked at again: one has come late.
pub(crate) fn costs_change(table: &Table, run_id: &str, at: Timestamp) -> Write {
    Change::of(keys::entered(run_id))
        .set(DUE, Due::Entered)
        .set(DUE_AT, at)
        .set_once(EXPIRES_AT, table.expires(at))
        .into()
}

/// A run, a node of it, or an entry of its outbox that is due; or a workflow's gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueItem {
    /// The run; of a gate the workflow.
    pub run_id: String,
    /// The node, where a node is due; the unit, where its time has come.
    pub node_id: Option<String>,
    key: Key,
    due: Due,
    due_at: Timestamp,
}

impl DueItem {
    /// How long it has been due at this moment.
    pub fn due_for(&self, now: Timestamp) -> Duration {
        now.duration_since(self.due_at)
            .try_into()
            .unwrap_or_default()
    }
}

/// What is due.
#[derive(Debug, Clone)]
pub struct DueItems(pub(crate) Table);

impl DueItems {
    /// Up to `limit` items that are due. The one that has been due for the longest time is first.
    pub async fn list(
        &self,
        due: Due,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueItem>, Error> {
        let query = Query::of(DUE.is(due).and(DUE_AT.is_at_most(now)))
            .index(BY_DUE)
            .limit(limit);
        let (items, _) = self.0.page(query).await?;
        items
            .iter()
            .map(|item| {
                Ok(DueItem {
                    run_id: match due {
                        Due::Gate => keys::workflow_of_gate(item)?,
                        Due::Run
                        | Due::End
                        | Due::Cost
                        | Due::Texts
                        | Due::Timer
                        | Due::Entered
                        | Due::Unsettled => keys::run_of(item)?,
                    },
                    node_id: match due {
                        Due::Timer => keys::unit_paused(item)?,
                        _ => keys::unit_recorded(item)?,
                    },
                    key: Key::new(PK.get(item)?, SK.get(item)?),
                    due,
                    due_at: DUE_AT.get(item)?,
                })
            })
            .collect()
    }

    /// Makes the item due again `after` a time. Changes nothing where it is not due any more, or somebody else has done so.
    pub async fn again(
        &self,
        item: &DueItem,
        now: Timestamp,
        after: Duration,
    ) -> Result<(), Error> {
        self.change(item, |change| change.set(DUE_AT, now + after))
            .await
    }

    /// Deletes the item, where nobody has changed when it is due.
    pub async fn delete(&self, item: &DueItem) -> Result<(), Error> {
        let seen = DUE.is(item.due).and(DUE_AT.is(item.due_at));
        self.0
            .write(Delete::of(item.key.clone()).when(seen))
            .await?;
        Ok(())
    }

    /// Ends that the item is due.
    pub async fn done(&self, item: &DueItem) -> Result<(), Error> {
        self.change(item, |change| change.remove(DUE).remove(DUE_AT))
            .await
    }

    async fn change(
        &self,
        item: &DueItem,
        how: impl FnOnce(Change) -> Change,
    ) -> Result<(), Error> {
        let seen = DUE.is(item.due).and(DUE_AT.is(item.due_at));
        // Where the condition fails, somebody else has looked.
        self.0
            .write(how(Change::of(item.key.clone()).when(seen)))
            .await?;
        Ok(())
    }
}
