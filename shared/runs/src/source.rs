//! Which queue, topic or bucket starts which workflow.

use serde::Serialize;

use crate::attribute::{find_s, get_s, s};
use crate::store::{key, passed};
use crate::{Error, Store};

/// A queue, topic or bucket whose events start a workflow.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its ARN.
    pub arn: String,
    /// The workflow that its events start.
    pub workflow_id: String,
}

const SOURCES: &str = "SOURCES";

fn sort_key(arn: &str) -> String {
    format!("ARN#{arn}")
}

impl Store {
    /// Lets the events of `arn` start the workflow; `false` where they start another one, and nothing changes.
    pub async fn put_source(&self, arn: &str, workflow_id: &str) -> Result<bool, Error> {
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key(SOURCES, &sort_key(arn))))
            .item("workflowId", s(workflow_id))
            .item("arn", s(arn))
            .condition_expression("attribute_not_exists(pk) OR workflowId = :workflow")
            .expression_attribute_values(":workflow", s(workflow_id))
            .send()
            .await;
        passed(result)
    }

    /// The workflow that the events of `arn` start.
    pub async fn workflow_of_source(&self, arn: &str) -> Result<Option<String>, Error> {
        let item = self.get(SOURCES, &sort_key(arn)).await?;
        item.map(|item| get_s(&item, "workflowId").map(str::to_owned))
            .transpose()
    }

    /// The sources of a workflow.
    pub async fn sources(&self, workflow_id: &str) -> Result<Vec<Source>, Error> {
        let mut sources = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :sources")
                .filter_expression("workflowId = :workflow")
                .expression_attribute_values(":sources", s(SOURCES))
                .expression_attribute_values(":workflow", s(workflow_id))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(Error::dynamodb)?;
            for item in page.items.unwrap_or_default() {
                sources.push(Source {
                    arn: find_s(&item, "arn").unwrap_or_default().to_owned(),
                    workflow_id: workflow_id.to_owned(),
                });
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(sources);
            }
        }
    }

    /// Ends what [`Store::put_source`] began, or [`Error::NotFound`].
    pub async fn delete_source(&self, arn: &str, workflow_id: &str) -> Result<(), Error> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(SOURCES, &sort_key(arn))))
            .condition_expression("workflowId = :workflow")
            .expression_attribute_values(":workflow", s(workflow_id))
            .send()
            .await;
        if passed(result)? {
            return Ok(());
        }
        Err(Error::NotFound {
            what: "source",
            id: arn.to_owned(),
        })
    }
}
