//! The audit: what was changed, by whom and when. A row is added, and never changed.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::keys::{self, BY_LIST, EXPIRES_AT, Key, LIST, LIST_KEY};
use crate::table::item::kept_by_serde;
use crate::table::key::{PK, SK};
use crate::table::page::{Page, from_cursor, to_cursor};
use crate::table::{Attribute, Put, Query, Table};
use crate::{Error, millis};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// The id of the token that the authorizer let in, `root` for the stack's own token, or the AWS service that did it, such
    /// as `secrets-manager`.
    pub principal: String,
    /// The address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
}

/// One row: who did what to which record, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
    /// What: a word such as `renamed` of credentials and tokens, else the route, such as `PUT /workflows/{id}`.
    pub action: String,
    /// Who.
    pub actor: Actor,
    /// To which record, such as `workflows/post`.
    pub subject: String,
    /// What it changed, such as names, or the last four characters of keys; never a secret.
    #[serde(default)]
    pub details: Value,
}

impl AuditEntry {
    /// A row for something that is done now. Of a credential or a token the store says to which one.
    pub fn now(action: impl Into<String>, actor: &Actor, details: Value) -> Self {
        Self {
            at: Timestamp::now(),
            action: action.into(),
            actor: actor.clone(),
            subject: String::new(),
            details,
        }
    }

    /// The same about this record.
    #[must_use]
    pub fn about(self, subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            ..self
        }
    }
}

const ENTRY: Attribute<AuditEntry> = Attribute::new("entry");

kept_by_serde!(AuditEntry);

/// The write of a row, for the transaction of its change.
pub(crate) fn row(entry: &AuditEntry) -> Put {
    let row = keys::audit_row(&entry.subject, Uuid::now_v7());
    let place = row.sk.clone();
    Put::of(row)
        .when(PK.missing())
        .set(LIST, keys::AUDIT_LIST)
        .set(LIST_KEY, place)
        .set(ENTRY, entry)
}

/// Where a page ends, and the next one begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The record whose rows it lists; absent where it lists those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The row behind which the next page begins.
    after: String,
}

/// The audit.
#[derive(Debug, Clone)]
pub struct Audits(pub(crate) Table);

impl Audits {
    /// Adds a row. A row about a run is kept as long as the run, any other for good.
    pub async fn add(&self, entry: &AuditEntry) -> Result<(), Error> {
        let expires = keys::is_run_audited(&entry.subject).then(|| self.0.expires(entry.at));
        self.0
            .write(row(entry).set_some(EXPIRES_AT, expires))
            .await?;
        Ok(())
    }

    /// What was done, the newest first: to one record, also one that is gone, or to all.
    ///
    /// # Errors
    /// [`Error::BadCursor`] for a cursor of another list.
    pub async fn list(
        &self,
        subject: Option<&str>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<AuditEntry>, Error> {
        let from: Option<Place> = cursor.map(from_cursor).transpose()?;
        if from
            .as_ref()
            .is_some_and(|from| from.subject.as_deref() != subject || from.after.is_empty())
        {
            return Err(Error::BadCursor);
        }
        let list = match subject {
            Some(subject) => PK.is(keys::audit(subject)),
            None => LIST.is(keys::AUDIT_LIST),
        };
        let place = if subject.is_some() { SK } else { LIST_KEY };
        let behind = match &from {
            Some(from) => list.and(place.is_below(&from.after)),
            None => list,
        };
        let query = Query::of(behind).backwards().limit(limit);
        let query = if subject.is_some() {
            query
        } else {
            query.index(BY_LIST)
        };
        let (items, next) = self.0.page(query).await?;
        let cursor = next
            .map(|next| place.get(&next))
            .transpose()?
            .and_then(|after| {
                to_cursor(&Place {
                    subject: subject.map(str::to_owned),
                    after,
                })
            });
        // The index has keys only.
        let mut items = match subject {
            Some(_) => items,
            None => {
                let keys = items
                    .iter()
                    .map(|item| Ok(Key::new(PK.get(item)?, SK.get(item)?)))
                    .collect::<Result<Vec<_>, Error>>()?;
                self.0.get_many(&keys).await?
            }
        };
        items.sort_by_cached_key(|item| std::cmp::Reverse(SK.get(item).unwrap_or_default()));
        let rows = items.iter().map(|item| ENTRY.get(item));
        Ok(Page {
            rows: rows.collect::<Result<_, Error>>()?,
            cursor,
        })
    }
}
