//! Nodes that wait, of all runs.

use jiff::Timestamp;

use crate::Error;
use crate::keys::{self, BY_WAITING};
use crate::node::record::{Nodes, WAIT_CODE, WORKFLOW};
use crate::node::row::{STARTED_AT, TRIED, WAIT_UNTIL, WAITING, Waiting};
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
}

fn waiting_node(item: &Item) -> Result<Option<WaitingNode>, Error> {
    let Some(node_id) = keys::unit_recorded(item)? else {
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
