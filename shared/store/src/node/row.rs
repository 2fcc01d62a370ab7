//! How a node stands, without its texts: what the index of changes has of it while somebody watches. The record itself has the
//! same attributes, so a row can be read from either.

use jiff::Timestamp;
use rust_decimal::Decimal;
use steps_problem::Problem;

use crate::Error;
use crate::keys::{self, BY_CHANGE};
use crate::node::record::{
    ANSWER, Answer, CHANGED_AT, COST_USD, ENDED_AT, ERROR, EXECUTION, HANDLED, ITEMS, ItemCounts,
    LEASE_UNTIL, NodeStatus, Nodes, REUSED_FROM, STARTED_AT, STATUS, TRIED, WAIT_UNTIL, WAITING,
    Waiting,
};
use crate::table::key::PK;
use crate::table::{Item, Query};
use crate::unit::Unit;

/// How a node stands, without its texts.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// The node's id in the workflow.
    pub id: String,
    /// The number of the run's execution that worked on it last.
    pub execution: u32,
    /// Where it stands; never [`NodeStatus::Pending`], which has no record.
    pub status: NodeStatus,
    /// How many times it was tried.
    pub tried: usize,
    /// Why it failed for good, or what it waits out.
    pub error: Option<Problem>,
    /// Whether it failed and the run goes on all the same.
    pub handled: bool,
    /// Its items, where it is executed for each item of a list that is known by now. A row has only how many there are.
    pub items: Option<ItemCounts>,
    /// What all its attempts cost, USD.
    pub cost_usd: Decimal,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it waits for.
    pub waiting: Option<Waiting>,
    /// Until when it waits.
    pub wait_until: Option<Timestamp>,
    /// Until when a function holds it. Only the record itself has it, the index has not.
    pub lease_until: Option<Timestamp>,
    /// When its status was set; absent where nobody watched then.
    pub changed_at: Option<Timestamp>,
    /// The run whose answer this is, where it was reused.
    pub reused_from: Option<String>,
    /// What is known of its answer, where it has one.
    pub answer: Option<Answer>,
}

impl NodeRow {
    /// Whether its list is known, and its items are executed now.
    pub fn is_open(&self) -> bool {
        self.items.is_some() && self.status == NodeStatus::Running
    }

    /// Adds what the lanes have counted of its list, as [`Live::lists`](crate::Live::lists) gives it.
    pub fn count(&mut self, (counts, cost): &(ItemCounts, Decimal)) {
        if let Some(items) = &mut self.items {
            self.cost_usd += cost;
            *items = ItemCounts {
                total: items.total,
                ..counts.clone()
            };
        }
    }

    /// Whether it has to be tried anew in this execution of the run: it failed, or waits for its next attempt, in an
    /// earlier one.
    pub fn is_of_before(&self, execution: u32) -> bool {
        let again = match self.status {
            NodeStatus::Failed => !self.handled,
            NodeStatus::Waiting => self.waiting == Some(Waiting::Retry),
            _ => false,
        };
        again && self.execution < execution
    }
}

impl Nodes {
    /// The run's nodes whose status was set after `since` by functions that knew of somebody who watches. The index is a
    /// moment behind.
    pub async fn rows_since(&self, run_id: &str, since: Timestamp) -> Result<Vec<NodeRow>, Error> {
        let pk = keys::run(run_id).pk;
        let keys = || PK.is(&pk).and(CHANGED_AT.is_at_least(since));
        rows(&self.0.all(|| Query::of(keys()).index(BY_CHANGE)).await?)
    }

    /// All nodes of the run that have begun, as they are now. Their whole records are read.
    pub async fn rows(&self, run_id: &str) -> Result<Vec<NodeRow>, Error> {
        rows(&self.0.all_under(&keys::nodes(run_id)).await?)
    }

    /// These nodes of the run as they are now, as far as they have begun. Their whole records are read.
    pub async fn rows_now(&self, run_id: &str, ids: &[&str]) -> Result<Vec<NodeRow>, Error> {
        let keys: Vec<_> = ids.iter().map(|id| keys::unit(run_id, id)).collect();
        rows(&self.0.get_many(&keys).await?)
    }
}

fn rows(items: &[Item]) -> Result<Vec<NodeRow>, Error> {
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        rows.extend(row(item)?);
    }
    Ok(rows)
}

/// The node whose record, or whose row of the index, the item is; `None` for other items.
fn row(item: &Item) -> Result<Option<NodeRow>, Error> {
    let Some(id) = keys::unit_recorded(item)? else {
        return Ok(None);
    };
    if !matches!(Unit::of(&id), Unit::Node(_)) {
        return Ok(None);
    }
    Ok(Some(NodeRow {
        id,
        execution: EXECUTION.find(item)?.unwrap_or(1),
        status: STATUS.get(item)?,
        tried: TRIED.find(item)?.unwrap_or_default(),
        error: ERROR.find(item)?,
        handled: HANDLED.find(item)?.is_some(),
        items: ITEMS.find(item)?.map(|total| ItemCounts {
            total,
            ..ItemCounts::default()
        }),
        cost_usd: COST_USD.find(item)?.unwrap_or_default(),
        started_at: STARTED_AT.find(item)?,
        ended_at: ENDED_AT.find(item)?,
        waiting: WAITING.find(item)?,
        wait_until: WAIT_UNTIL.find(item)?,
        lease_until: LEASE_UNTIL.find(item)?,
        changed_at: CHANGED_AT.find(item)?,
        reused_from: REUSED_FROM.find(item)?,
        answer: ANSWER.find(item)?,
    }))
}
