//! Nodes that wait, of all runs.

use jiff::Timestamp;

use crate::Error;
use crate::keys::{self, BY_WAITING};
use crate::node::record::{NodeRecord, Nodes, WAIT_CODE, WORKFLOW, read};
use crate::node::row::{NodeStatus, STARTED_AT, TRIED, WAIT_UNTIL, WAITING, Waiting};
use crate::run::RunStatus;
use crate::run::record::live_head;
use crate::table::key::{PK, SK};
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

/// The place after which a page begins.
fn start(waiting: Waiting, cursor: Option<&str>) -> Result<Option<Item>, Error> {
    let start = cursor.map(cursor_key).transpose()?;
    let is_of_list = |key: &Item| {
        let names = [PK.name(), SK.name(), WAITING.name(), WAIT_UNTIL.name()];
        let all = key.len() == names.len() && names.iter().all(|name| key.contains_key(*name));
        all && WAITING.find(key).ok().flatten() == Some(waiting)
    };
    match start {
        // A cursor of another list names no place of this one.
        Some(key) if !is_of_list(&key) => Err(Error::BadCursor),
        start => Ok(start),
    }
}

impl Nodes {
    /// Nodes of all runs that wait for this. The node whose wait ends first is first. The index is a moment behind.
    pub async fn waiting(
        &self,
        waiting: Waiting,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<WaitingNode>, Error> {
        let (items, cursor) = self.waiting_items(waiting, limit, cursor).await?;
        let mut rows = Vec::with_capacity(items.len());
        for item in &items {
            rows.extend(waiting_node(item)?);
        }
        Ok(Page { rows, cursor })
    }

    /// A page of the index, with the cursor of the next one.
    async fn waiting_items(
        &self,
        waiting: Waiting,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<Item>, Option<String>), Error> {
        let query = Query::of(WAITING.is(waiting))
            .index(BY_WAITING)
            .limit(limit)
            .start(start(waiting, cursor)?);
        let (items, next) = self.0.page(query).await?;
        Ok((items, next.as_ref().and_then(key_cursor)))
    }

    /// The records of nodes that wait for this now, in runs that go on, each with its run. The node whose wait ends first is
    /// first. A page may be short, or empty, and have a cursor nevertheless.
    pub async fn waiting_now(
        &self,
        waiting: Waiting,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<(String, NodeRecord)>, Error> {
        let (items, cursor) = self.waiting_items(waiting, limit, cursor).await?;
        // The index is a moment behind, and knows nothing of runs.
        let mut wanted = Vec::with_capacity(items.len());
        let mut keys = Vec::new();
        for item in &items {
            if let Some(unit) = keys::unit_recorded(item)? {
                let run_id = keys::run_of(item)?;
                keys.push(keys::unit(&run_id, &unit));
                keys.push(keys::run(&run_id));
                wanted.push((run_id, unit));
            }
        }
        keys.sort_by(|one, other| (&one.pk, &one.sk).cmp(&(&other.pk, &other.sk)));
        keys.dedup_by(|one, other| one.pk == other.pk && one.sk == other.sk);
        let found = self.0.get_many(&keys).await?;
        let mut rows = Vec::with_capacity(wanted.len());
        for (run_id, unit) in wanted {
            let at = |key: keys::Key| found.iter().find(|item| keys::is_at(item, &key));
            let (head, record) = (at(keys::run(&run_id)), at(keys::unit(&run_id, &unit)));
            let (Some(head), Some(record)) = (head, record) else {
                continue;
            };
            let goes_on = live_head(head)?.status == RunStatus::Running;
            if let Some(record) = read(record)?.filter(|_| goes_on)
                && record.status == NodeStatus::Waiting
                && record.waiting == Some(waiting)
            {
                rows.push((run_id, record));
            }
        }
        Ok(Page { rows, cursor })
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
