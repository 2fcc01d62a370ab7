//! Sources: the queues, topics and buckets whose events start a workflow.

use crate::keys;
use crate::table::key::PK;
use crate::table::{Attribute, Delete, Put, Query, Table};
use crate::{Error, Record};

/// A queue, topic or bucket whose events start a workflow.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its ARN.
    pub arn: String,
    /// The workflow that its events start.
    pub workflow_id: String,
}

const ARN: Attribute<String> = Attribute::new("arn");
const WORKFLOW: Attribute<String> = Attribute::new("workflow");

/// Sources of events, each of which starts one workflow.
#[derive(Debug, Clone)]
pub struct Sources(pub(crate) Table);

impl Sources {
    /// Lets the events of `arn` start the workflow. `false`, and nothing changes, where they start another one.
    pub async fn put(&self, arn: &str, workflow_id: &str) -> Result<bool, Error> {
        let put = Put::of(keys::source(arn))
            .when(PK.missing().or(WORKFLOW.is(workflow_id)))
            .set(WORKFLOW, workflow_id)
            .set(ARN, arn);
        self.0.write(put).await
    }

    /// The workflow that the events of `arn` start.
    pub async fn workflow_of(&self, arn: &str) -> Result<Option<String>, Error> {
        let item = self.0.get(keys::source(arn)).await?;
        item.map(|item| WORKFLOW.get(&item)).transpose()
    }

    /// The sources of a workflow.
    pub async fn list(&self, workflow_id: &str) -> Result<Vec<Source>, Error> {
        let all = keys::sources();
        let query = || Query::under(&all).filter(WORKFLOW.is(workflow_id));
        let items = self.0.all(query).await?;
        items
            .iter()
            .map(|item| {
                Ok(Source {
                    arn: ARN.get(item)?,
                    workflow_id: workflow_id.to_owned(),
                })
            })
            .collect()
    }

    /// Removes the source, so that its events start nothing any more; or [`Error::NotFound`].
    pub async fn delete(&self, arn: &str, workflow_id: &str) -> Result<(), Error> {
        let delete = Delete::of(keys::source(arn)).when(WORKFLOW.is(workflow_id));
        if self.0.write(delete).await? {
            return Ok(());
        }
        Err(Record::Source.not_found(arn))
    }
}
