//! Lists of runs, the newest first: of all workflows or one, with any status or one.

use std::collections::HashMap;
use std::future::ready;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::keys::{
    self, BY_LIST, BY_STATUS, BY_WORKFLOW, Key, LIST, LIST_KEY, Month, STATUS_LIST, WORKFLOW_ID,
};
use crate::lane::Lanes;
use crate::run::record::{ENDED_AT, RunStatus, Runs, STARTED_AT, STATUS, TRIGGER, VERSION, totals};
use crate::table::page::{Page, from_cursor, to_cursor};
use crate::table::{Condition, Item, Query};

/// A run as a list shows it.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// UUIDv7.
    pub id: String,
    /// The workflow it runs.
    pub workflow_id: String,
    /// The workflow's version.
    pub version: u64,
    /// Its status.
    pub status: RunStatus,
    /// What started it.
    pub trigger: String,
    /// Spent so far, USD.
    pub cost_usd: Decimal,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Those of one workflow.
    pub workflow_id: Option<String>,
    /// Those with this status.
    pub status: Option<RunStatus>,
}

/// How many items one query reads where a filter leaves some of them out.
const FILTERED_AT_ONCE: usize = 1000;

/// Of how many runs that go on the lanes are read at the same time.
const AT_ONCE: usize = 16;

/// How many queries of one list are made for a page. A filter that leaves out nearly all would read the whole list.
const MOST_QUERIES: usize = 5;

/// Where a page ends, and the next one begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The month whose list it is in; absent in a workflow's list, which is one for all months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month: Option<String>,
    /// The run behind which the next page begins.
    after: String,
}

/// One list of an index: of a month, or of a workflow.
struct Part {
    month: Option<Month>,
    after: Option<String>,
}

impl Runs {
    /// Runs, the newest first. A page may be short, or empty, and have a cursor nevertheless: where few runs match, it ends
    /// once it has looked at some thousands. The last page has no cursor.
    pub async fn list(
        &self,
        filter: &RunFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RunSummary>, Error> {
        let from = cursor.map(from_cursor).transpose()?;
        let mut rows: Vec<RunSummary> = Vec::new();
        for part in self.parts(filter, from)? {
            let mut after = part.after;
            for query in 1.. {
                let wanted = limit - rows.len();
                let asked = part_query(filter, part.month, after.as_deref(), wanted);
                let (items, next) = self.0.page(asked).await?;
                let mut ids = items
                    .iter()
                    .map(|item| LIST_KEY.get(item))
                    .collect::<Result<Vec<_>, _>>()?;
                let found = ids.len();
                ids.truncate(wanted);
                rows.extend(self.rows(&ids, filter).await?);
                let last = ids.pop();
                if rows.len() == limit {
                    return Ok(ends_at(rows, part.month, last));
                }
                after = match next {
                    // A query with a filter may find more than fits on the page.
                    _ if found > wanted => last,
                    Some(next) => Some(LIST_KEY.get(&next)?),
                    None => break,
                };
                if query == MOST_QUERIES {
                    return Ok(ends_at(rows, part.month, after));
                }
            }
        }
        Ok(Page { rows, cursor: None })
    }

    /// The lists to read, one after the other.
    fn parts(&self, filter: &RunFilter, from: Option<Place>) -> Result<Vec<Part>, Error> {
        let by_month = filter.workflow_id.is_none();
        let (month, after) = match from {
            Some(Place { month, after }) if month.is_some() == by_month && !after.is_empty() => (
                month.map(|month| month.parse::<Month>()).transpose()?,
                Some(after),
            ),
            Some(_) => return Err(Error::BadCursor),
            None => (None, None),
        };
        if !by_month {
            return Ok(vec![Part { month: None, after }]);
        }
        let months = keys::months(Timestamp::now(), self.0.retention_days());
        let left = months
            .into_iter()
            .filter(|listed| month.is_none_or(|month| *listed <= month));
        Ok(left
            .map(|listed| Part {
                month: Some(listed),
                after: after.clone().filter(|_| Some(listed) == month),
            })
            .collect())
    }

    /// The rows of these runs. They are read from the runs' heads, because an index is a moment behind and has no costs.
    async fn rows(&self, ids: &[String], filter: &RunFilter) -> Result<Vec<RunSummary>, Error> {
        let keys: Vec<Key> = ids.iter().map(|id| keys::run(id)).collect();
        let mut heads = HashMap::new();
        for head in self.0.get_many(&keys).await? {
            heads.insert(LIST_KEY.get(&head)?, head);
        }
        let found: Vec<&Item> = ids.iter().filter_map(|id| heads.get(id)).collect();
        let wanted = |row: &RunSummary| filter.status.is_none_or(|status| row.status == status);
        stream::iter(found)
            .map(|head| self.summary(head))
            .buffered(AT_ONCE)
            .try_filter(|row| ready(wanted(row)))
            .try_collect()
            .await
    }

    /// A row. What a run that goes on has cost so far is the sum over its lanes.
    async fn summary(&self, head: &Item) -> Result<RunSummary, Error> {
        let id = LIST_KEY.get(head)?;
        let status = STATUS.get(head)?;
        let lanes = match status {
            RunStatus::Running => Lanes(self.0.clone()).items(&id).await?,
            _ => Vec::new(),
        };
        Ok(RunSummary {
            workflow_id: WORKFLOW_ID.get(head)?,
            version: VERSION.get(head)?,
            trigger: TRIGGER.find(head)?.unwrap_or_default(),
            cost_usd: totals(head, &lanes)?.cost_usd,
            started_at: STARTED_AT.get(head)?,
            ended_at: ENDED_AT.find(head)?,
            status,
            id,
        })
    }
}

/// The page that ends with this run.
fn ends_at(rows: Vec<RunSummary>, month: Option<Month>, after: Option<String>) -> Page<RunSummary> {
    let month = month.map(|month| month.to_string());
    let place = after.map(|after| Place { month, after });
    Page {
        rows,
        cursor: place.and_then(|place| to_cursor(&place)),
    }
}

fn part_query(
    filter: &RunFilter,
    month: Option<Month>,
    after: Option<&str>,
    wanted: usize,
) -> Query {
    let behind = |list: Condition| match after {
        Some(after) => list.and(LIST_KEY.is_below(after)),
        None => list,
    };
    let query = match (&filter.workflow_id, month, filter.status) {
        (None, Some(month), Some(status)) => {
            let list = keys::runs_that_are(status.as_str(), month);
            Query::of(behind(STATUS_LIST.is(list))).index(BY_STATUS)
        }
        (None, Some(month), None) => {
            Query::of(behind(LIST.is(keys::runs_of(month)))).index(BY_LIST)
        }
        (workflow, _, status) => {
            let workflow = workflow.as_deref().unwrap_or_default();
            let query = Query::of(behind(WORKFLOW_ID.is(workflow))).index(BY_WORKFLOW);
            if let Some(status) = status {
                return query
                    .filter(STATUS.is(status))
                    .backwards()
                    .limit(FILTERED_AT_ONCE);
            }
            query
        }
    };
    query.backwards().limit(wanted)
}
