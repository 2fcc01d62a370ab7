//! Workflows. Every put makes a new version.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use uuid::Uuid;

use crate::credential::{record as credential, users};
use crate::keys::{self, BY_LIST, Key, LIST, LIST_KEY, WORKFLOWS};
use crate::table::item::text;
use crate::table::key::PK;
use crate::table::page::{Page, from_cursor, to_cursor};
use crate::table::{Attribute, Change, Delete, Item, Put, Query, Table, Transacted};
use crate::{Error, Record};

/// A workflow as stored.
#[derive(Debug, Clone)]
pub struct StoredWorkflow {
    /// Its id, chosen by its author.
    pub id: String,
    /// 1 for the first put.
    pub version: u64,
    /// The canonical document, JSON.
    pub definition: String,
    /// When this version was put.
    pub updated_at: Timestamp,
}

impl StoredWorkflow {
    /// The document as `read` understands it.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it does not.
    pub fn document<T, E>(&self, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Error> {
        document(&self.definition, read)
    }
}

/// A workflow as a list shows it.
#[derive(Debug, Clone)]
pub struct WorkflowSummary {
    /// Its id, chosen by its author.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The newest version.
    pub version: u64,
    /// When the newest version was put.
    pub updated_at: Timestamp,
}

const NAME: Attribute<String> = Attribute::new("name");
const VERSION: Attribute<u64> = Attribute::new("version");
const DEFINITION: Attribute<AttributeValue> = Attribute::new("definition");
const UPDATED_AT: Attribute<Timestamp> = Attribute::new("updatedAt");

/// Workflows by id.
#[derive(Debug, Clone)]
pub struct Workflows(pub(crate) Table);

impl Workflows {
    /// Stores the document as the next version of `id`, and gives that version. `credentials` are the ids and names
    /// that its nodes use, `ids` the ids of the same, at most 90.
    ///
    /// # Errors
    /// [`Error::Conflict`] where someone else put a version, or deleted one of the credentials, at the same moment.
    pub async fn put(
        &self,
        id: &str,
        name: &str,
        definition: &str,
        credentials: &BTreeSet<String>,
        ids: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<StoredWorkflow, Error> {
        // A deleted workflow leaves its number behind, so that no version number is used twice.
        let before = match self.0.get(keys::workflow(id)).await? {
            Some(item) => VERSION.get(&item)?,
            None => 0,
        };
        let version = before + 1;
        // Of two puts at once the one that loses must not write over the other's text.
        let object = format!("workflows/{id}/{version:08}-{}.json.gz", Uuid::now_v7());
        let kept = self.0.texts().keep(&object, definition).await?;
        let put = |key: Key| {
            Put::of(key)
                .set(NAME, name)
                .set(VERSION, version)
                .set(DEFINITION, &kept)
                .set(UPDATED_AT, now)
        };
        let latest = put(keys::workflow(id))
            .when(PK.missing().or(VERSION.is(before)))
            .set(LIST, WORKFLOWS)
            .set(LIST_KEY, id);
        let writes = [
            latest.into(),
            put(keys::version(id, version)).into(),
            users::put(id, credentials).into(),
        ];
        let names = ids.iter().map(|id| credential::name(id).into());
        match self.0.transact(writes.into_iter().chain(names)).await? {
            Transacted::Done => Ok(StoredWorkflow {
                id: id.to_owned(),
                version,
                definition: definition.to_owned(),
                updated_at: now,
            }),
            Transacted::Refused { .. } => Err(Record::Workflow.conflict(id)),
        }
    }

    /// The newest version, or [`Error::NotFound`].
    pub async fn get(&self, id: &str) -> Result<StoredWorkflow, Error> {
        self.read(id, keys::workflow(id)).await
    }

    /// One version, or [`Error::NotFound`].
    pub async fn version(&self, id: &str, version: u64) -> Result<StoredWorkflow, Error> {
        self.read(id, keys::version(id, version)).await
    }

    async fn read(&self, id: &str, key: Key) -> Result<StoredWorkflow, Error> {
        let item = self.0.get(key).await?.unwrap_or_default();
        let kept = DEFINITION.find(&item)?;
        let kept = kept.ok_or_else(|| Record::Workflow.not_found(id))?;
        Ok(StoredWorkflow {
            id: id.to_owned(),
            version: VERSION.get(&item)?,
            definition: self.0.texts().fetch(&kept, DEFINITION).await?,
            updated_at: UPDATED_AT.get(&item)?,
        })
    }

    /// Checks that there is such a workflow, without its document; else [`Error::NotFound`].
    pub async fn must_exist(&self, id: &str) -> Result<(), Error> {
        // A deleted workflow is in no list.
        let item = self.0.get_only(keys::workflow(id), LIST_KEY).await?;
        match LIST_KEY.find(&item.unwrap_or_default())? {
            Some(_) => Ok(()),
            None => Err(Record::Workflow.not_found(id)),
        }
    }

    /// Workflows by id.
    pub async fn list(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<WorkflowSummary>, Error> {
        let query = Query::of(LIST.is(WORKFLOWS))
            .index(BY_LIST)
            .limit(limit)
            .start(cursor.map(behind).transpose()?);
        let (items, next) = self.0.page(query).await?;
        let rows = items.iter().map(|item| {
            Ok(WorkflowSummary {
                id: LIST_KEY.get(item)?,
                name: NAME.find(item)?.unwrap_or_default(),
                version: VERSION.get(item)?,
                updated_at: UPDATED_AT.get(item)?,
            })
        });
        Ok(Page {
            rows: rows.collect::<Result<_, Error>>()?,
            cursor: next
                .as_ref()
                .map(|last| LIST_KEY.get(last))
                .transpose()?
                .and_then(|id| to_cursor(&id)),
        })
    }

    /// Removes the workflow, so that no new run starts from it. Its versions stay for the runs that name them.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        let latest = Change::of(keys::workflow(id))
            .when(DEFINITION.exists())
            .remove(DEFINITION)
            .remove(LIST)
            .remove(LIST_KEY);
        // A workflow of this id that is made later is on.
        let switch = Delete::of(keys::workflow_switch(id));
        let writes = [latest.into(), users::remove(id).into(), switch.into()];
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { .. } => Err(Record::Workflow.not_found(id)),
        }
    }
}

/// The place in the list after the workflow that the cursor names.
fn behind(cursor: &str) -> Result<Item, Error> {
    let id: String = from_cursor(cursor)?;
    if id.is_empty() {
        return Err(Error::BadCursor);
    }
    let mut place = keys::workflow(&id).item();
    place.insert(LIST.name().to_owned(), text(WORKFLOWS));
    place.insert(LIST_KEY.name().to_owned(), text(id));
    Ok(place)
}

/// A stored document as `read` understands it; [`Error::Malformed`] where it does not.
pub(crate) fn document<T, E>(
    definition: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Error> {
    read(definition).map_err(|_| Error::Malformed {
        attribute: DEFINITION.name(),
    })
}
