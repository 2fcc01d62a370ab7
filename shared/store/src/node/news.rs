//! Nodes that wait, and nodes of a run that have changed since a time, without their texts.

use jiff::Timestamp;
use rust_decimal::Decimal;
use steps_problem::Problem;

use crate::Error;
use crate::keys::{self, BY_CHANGE, BY_WAITING};
use crate::node::record::{
    ANSWER, Answer, CHANGED_AT, COST_USD, ENDED_AT, ERROR, EXECUTION, NodeStatus, Nodes,
    REUSED_FROM, STARTED_AT, STATUS, TRIED, WAIT_CODE, WAIT_UNTIL, WAITING, WORKFLOW, Waiting,
};
use crate::table::key::PK;
use crate::table::page::{Page, cursor_key, key_cursor};
use crate::table::{Item, Query};

/// A node that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingNode {
    /// The run. It may have ended since; its head says so.
    pub run_id: String,
    /// The node.
    pub node_id: String,
    /// The run's workflow.
    pub workflow_id: String,
    /// How many times it was tried.
    pub tried: usize,
    /// The code of the failure that it waits out.
    pub code: String,
    /// When the first attempt began.
    pub started_at: Timestamp,
    /// Until when it waits.
    pub until: Timestamp,
}

/// A node that has changed: its record without its attempts and its answer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedNode {
    /// The node.
    pub node_id: String,
    /// When its status changed last.
    pub changed_at: Timestamp,
    /// Its status.
    pub status: NodeStatus,
    /// The number of the run's execution that worked on it last.
    pub execution: u32,
    /// How many times it was tried; 0 where its answer was reused.
    pub tried: usize,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it succeeded or failed.
    pub ended_at: Option<Timestamp>,
    /// Until when it waits; only where it does.
    pub wait_until: Option<Timestamp>,
    /// What all its attempts cost, USD.
    pub cost_usd: Decimal,
    /// The run whose answer this is, where it was reused.
    pub reused_from: Option<String>,
    /// Why it failed for good, or what it waits out.
    pub error: Option<Problem>,
    /// What is known of its answer, where it has one.
    pub answer: Option<Answer>,
}

impl Nodes {
    /// Nodes of all runs that wait for this. The node whose wait ends first is first. The index is a moment behind.
    pub async fn waiting(
        &self,
        waiting: Waiting,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<WaitingNode>, Error> {
        let query = Query::of(WAITING.is(waiting))
            .index(BY_WAITING)
            .limit(limit)
            .start(cursor.map(cursor_key).transpose()?);
        let (items, next) = self.0.page(query).await?;
        let mut rows = Vec::with_capacity(items.len());
        for item in &items {
            rows.extend(waiting_node(item)?);
        }
        Ok(Page {
            rows,
            cursor: next.as_ref().and_then(key_cursor),
        })
    }

    /// Nodes of the run whose status changed at this time or later, in the order of their last changes. The index is a
    /// moment behind.
    pub async fn changed_since(
        &self,
        run_id: &str,
        at: Timestamp,
    ) -> Result<Vec<ChangedNode>, Error> {
        let pk = keys::run(run_id).pk;
        let changed = || PK.is(&pk).and(CHANGED_AT.is_at_least(at));
        let items = self.0.all(|| Query::of(changed()).index(BY_CHANGE)).await?;
        let mut nodes = Vec::with_capacity(items.len());
        for item in &items {
            nodes.extend(changed_node(item)?);
        }
        Ok(nodes)
    }
}

fn waiting_node(item: &Item) -> Result<Option<WaitingNode>, Error> {
    let Some(node_id) = keys::node_of(item)? else {
        return Ok(None);
    };
    Ok(Some(WaitingNode {
        run_id: keys::run_of(item)?,
        node_id,
        workflow_id: WORKFLOW.get(item)?,
        tried: TRIED.get(item)?,
        code: WAIT_CODE.get(item)?,
        started_at: STARTED_AT.get(item)?,
        until: WAIT_UNTIL.get(item)?,
    }))
}

fn changed_node(item: &Item) -> Result<Option<ChangedNode>, Error> {
    let Some(node_id) = keys::node_of(item)? else {
        return Ok(None);
    };
    let status = STATUS.get(item)?;
    Ok(Some(ChangedNode {
        node_id,
        changed_at: CHANGED_AT.get(item)?,
        status,
        execution: EXECUTION.get(item)?,
        tried: TRIED.find(item)?.unwrap_or_default(),
        started_at: STARTED_AT.find(item)?,
        ended_at: ENDED_AT.find(item)?,
        wait_until: WAIT_UNTIL
            .find(item)?
            .filter(|_| status == NodeStatus::Waiting),
        cost_usd: COST_USD.find(item)?.unwrap_or_default(),
        reused_from: REUSED_FROM.find(item)?,
        error: ERROR.find(item)?,
        answer: ANSWER.find(item)?,
    }))
}
