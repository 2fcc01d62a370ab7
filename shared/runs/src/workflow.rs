//! Workflows: every put is a new version.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Put, Update};
use jiff::Timestamp;
use serde::Serialize;

use crate::attribute::{find_s, get_n, get_s, n, rfc3339, s};
use crate::store::key;
use crate::transaction::{Transacted, Write};
use crate::{Error, Page, Store, page};

/// A workflow as stored.
#[derive(Debug, Clone)]
pub struct StoredWorkflow {
    /// Its id, chosen by its author.
    pub id: String,
    /// 1 for the first put.
    pub version: u64,
    /// The canonical document, JSON.
    pub definition: String,
    /// When this version was put, RFC 3339.
    pub updated_at: String,
}

/// A workflow as a list shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowSummary {
    /// Its id, chosen by its author.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The newest version.
    pub version: u64,
    /// When the newest version was put, RFC 3339.
    pub updated_at: String,
}

const LATEST: &str = "LATEST";
const KIND: &str = "WORKFLOW";

pub(crate) fn workflow_key(id: &str) -> String {
    format!("WORKFLOW#{id}")
}

fn version_key(version: u64) -> String {
    format!("VERSION#{version:08}")
}

impl Store {
    /// Stores the document as the next version of `id`, and gives that version. `credentials` are the ids and names
    /// that its nodes use.
    pub async fn put_workflow(
        &self,
        id: &str,
        name: &str,
        definition: &str,
        credentials: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<StoredWorkflow, Error> {
        // A deleted workflow leaves its number behind, so that no version is ever written twice.
        let before = match self.get(&workflow_key(id), LATEST).await? {
            Some(item) => get_n(&item, "version")?,
            None => 0,
        };
        let version: u64 = before + 1;
        let object = format!("workflows/{id}/{version:08}.json.gz");
        let kept = self.texts.keep(&object, definition).await?;
        let put = |sk: &str| {
            Put::builder()
                .table_name(&self.table)
                .set_item(Some(key(&workflow_key(id), sk)))
                .item("name", s(name))
                .item("version", n(version))
                .item("definition", kept.clone())
                .item("updatedAt", s(rfc3339(now)))
        };
        let latest = put(LATEST)
            .item("kind", s(KIND))
            .item("listKey", s(id))
            .condition_expression("attribute_not_exists(pk) OR version = :before")
            .expression_attribute_values(":before", n(before));
        let version_item = put(&version_key(version));
        if let Transacted::Refused { .. } = self
            .transact([latest, version_item, self.put_user(id, credentials)?])
            .await?
        {
            return Err(Error::Conflict {
                what: "workflow",
                id: id.to_owned(),
            });
        }
        Ok(StoredWorkflow {
            id: id.to_owned(),
            version,
            definition: definition.to_owned(),
            updated_at: rfc3339(now),
        })
    }

    /// The newest version, or [`Error::NotFound`].
    pub async fn workflow(&self, id: &str) -> Result<StoredWorkflow, Error> {
        self.read_workflow(id, LATEST).await
    }

    /// One version, or [`Error::NotFound`].
    pub async fn workflow_version(&self, id: &str, version: u64) -> Result<StoredWorkflow, Error> {
        self.read_workflow(id, &version_key(version)).await
    }

    async fn read_workflow(&self, id: &str, sk: &str) -> Result<StoredWorkflow, Error> {
        let item = self.get(&workflow_key(id), sk).await?.unwrap_or_default();
        let kept = item.get("definition").ok_or_else(|| not_found(id))?;
        Ok(StoredWorkflow {
            id: id.to_owned(),
            version: get_n(&item, "version")?,
            definition: self.texts.fetch(kept, "definition").await?,
            updated_at: get_s(&item, "updatedAt")?.to_owned(),
        })
    }

    /// Workflows by id.
    pub async fn workflows(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<WorkflowSummary>, Error> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("byKind")
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", s(KIND))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(cursor.map(page::decode).transpose()?)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        let rows = answer
            .items
            .unwrap_or_default()
            .iter()
            .map(|item| {
                Ok(WorkflowSummary {
                    id: get_s(item, "listKey")?.to_owned(),
                    name: find_s(item, "name").unwrap_or_default().to_owned(),
                    version: get_n(item, "version")?,
                    updated_at: get_s(item, "updatedAt")?.to_owned(),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Page {
            rows,
            cursor: answer.last_evaluated_key.as_ref().and_then(page::encode),
        })
    }

    /// Removes the workflow, so that no new run starts from it. Its versions stay for the runs that name them.
    pub async fn delete_workflow(&self, id: &str) -> Result<(), Error> {
        let latest = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(&workflow_key(id), LATEST)))
            .update_expression("REMOVE #definition, kind, listKey")
            .condition_expression("attribute_exists(#definition)")
            .expression_attribute_names("#definition", "definition");
        let writes = [latest.write()?, self.remove_user(id).write()?];
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { .. } => Err(not_found(id)),
        }
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound {
        what: "workflow",
        id: id.to_owned(),
    }
}
