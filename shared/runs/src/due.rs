//! What has to be looked at again: runs that have not ended, and calls whose cost is not known. A sparse index holds
//! only these, so looking costs nothing where there are none.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::attribute::{get_s, s, time};
use crate::node::node_id;
use crate::store::{key, passed};
use crate::{Error, Store};

/// The index's keys.
pub(crate) const DUE: &str = "due";
pub(crate) const DUE_AT: &str = "dueAt";

const INDEX: &str = "byDue";

/// Why something is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A run has not ended.
    Run,
    /// What a node's call cost is not known.
    Cost,
}

impl Due {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Run => "RUN",
            Self::Cost => "COST",
        }
    }
}

/// A run, or a node of it, that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueItem {
    /// The run.
    pub run_id: String,
    /// The node; `None` where the run itself is due.
    pub node_id: Option<String>,
    due: Due,
    due_at: String,
}

impl Store {
    /// Up to `limit` of what is due, the longest due first.
    pub async fn due(&self, due: Due, now: Timestamp, limit: usize) -> Result<Vec<DueItem>, Error> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#due = :due AND #dueAt <= :now")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#dueAt", DUE_AT)
            .expression_attribute_values(":due", s(due.as_str()))
            .expression_attribute_values(":now", time(now))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(Error::dynamodb)?;
        answer
            .items
            .unwrap_or_default()
            .iter()
            .map(|item| {
                let run_id = get_s(item, "pk")?.strip_prefix("RUN#");
                Ok(DueItem {
                    run_id: run_id
                        .ok_or(Error::Malformed { attribute: "pk" })?
                        .to_owned(),
                    node_id: node_id(get_s(item, "sk")?).map(str::to_owned),
                    due,
                    due_at: get_s(item, DUE_AT)?.to_owned(),
                })
            })
            .collect()
    }

    /// Makes it due again `after` a time, unless it is not due any more or someone else has done so.
    pub async fn due_again(
        &self,
        item: &DueItem,
        now: Timestamp,
        after: Duration,
    ) -> Result<(), Error> {
        self.change_due(item, "SET #dueAt = :at", Some(time(now + after)))
            .await
    }

    /// Gives it up.
    pub async fn not_due(&self, item: &DueItem) -> Result<(), Error> {
        self.change_due(item, "REMOVE #due, #dueAt", None).await
    }

    async fn change_due(
        &self,
        item: &DueItem,
        expression: &str,
        at: Option<AttributeValue>,
    ) -> Result<(), Error> {
        let sk = match &item.node_id {
            Some(node) => crate::node::node_key(node),
            None => crate::run::RUN.to_owned(),
        };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(&crate::run::run_key(&item.run_id), &sk)))
            .update_expression(expression)
            .condition_expression("#due = :due AND #dueAt = :seen")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#dueAt", DUE_AT)
            .expression_attribute_values(":due", s(item.due.as_str()))
            .expression_attribute_values(":seen", s(&item.due_at));
        if let Some(at) = at {
            update = update.expression_attribute_values(":at", at);
        }
        // Where it does not pass, someone else has looked.
        passed(update.send().await)?;
        Ok(())
    }
}
