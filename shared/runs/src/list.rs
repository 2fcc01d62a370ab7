//! Runs in a list, the newest first.

use aws_sdk_dynamodb::types::AttributeValue;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::attribute::{Item, find_decimal, find_s, get_n, get_s, s};
use crate::run::{RUN, status};
use crate::{Error, Page, RunStatus, Store, page};

/// A run as a list shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// UUIDv7.
    pub id: String,
    /// The workflow it runs.
    pub workflow_id: String,
    /// The workflow's version.
    pub version: u64,
    /// Where it stands.
    pub status: RunStatus,
    /// What started it.
    pub trigger: String,
    /// Spent so far, USD.
    #[serde(with = "rust_decimal::serde::str")]
    pub cost_usd: Decimal,
    /// When it started.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Those of one workflow.
    pub workflow_id: Option<String>,
    /// Those that stand so.
    pub status: Option<RunStatus>,
}

impl Store {
    /// Runs, the newest first.
    pub async fn runs(
        &self,
        filter: &RunFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RunSummary>, Error> {
        let mut start = cursor.map(page::decode).transpose()?;
        let mut rows = Vec::new();
        // A filter may leave a read page with few rows or none: read on until this page is full.
        loop {
            let mut query = self
                .client
                .query()
                .table_name(&self.table)
                .scan_index_forward(false)
                .limit(i32::try_from(limit - rows.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            query = match &filter.workflow_id {
                Some(workflow) => query
                    .index_name("byWorkflow")
                    .key_condition_expression("workflowId = :workflow")
                    .expression_attribute_values(":workflow", s(workflow)),
                None => query
                    .index_name("byKind")
                    .key_condition_expression("kind = :kind")
                    .expression_attribute_values(":kind", s(RUN)),
            };
            if let Some(status) = filter.status {
                query = query
                    .limit(1000)
                    .filter_expression("#status = :status")
                    .expression_attribute_names("#status", "status")
                    .expression_attribute_values(":status", s(status.as_str()));
            }
            let answer = query.send().await.map_err(Error::dynamodb)?;
            let read = answer.items.unwrap_or_default();
            for item in &read {
                rows.push(summary(item)?);
                if rows.len() == limit {
                    let last = list_position(item, filter);
                    return Ok(Page {
                        rows,
                        cursor: last.as_ref().and_then(page::encode),
                    });
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(Page { rows, cursor: None });
            }
        }
    }
}

/// The key after which the list goes on behind this row.
fn list_position(item: &Item, filter: &RunFilter) -> Option<Item> {
    let index = if filter.workflow_id.is_some() {
        "workflowId"
    } else {
        "kind"
    };
    let mut position = Item::new();
    for name in ["pk", "sk", "listKey", index] {
        let value: &AttributeValue = item.get(name)?;
        position.insert(name.to_owned(), value.clone());
    }
    Some(position)
}

fn summary(item: &Item) -> Result<RunSummary, Error> {
    Ok(RunSummary {
        id: get_s(item, "listKey")?.to_owned(),
        workflow_id: get_s(item, "workflowId")?.to_owned(),
        version: get_n(item, "version")?,
        status: status(item)?,
        trigger: find_s(item, "trigger").unwrap_or_default().to_owned(),
        cost_usd: find_decimal(item, "costUsd").unwrap_or_default(),
        started_at: get_s(item, "startedAt")?.to_owned(),
        ended_at: find_s(item, "endedAt").map(str::to_owned),
    })
}
