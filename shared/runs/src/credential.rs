//! Credential records: all that is known of a key but the key.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, Update};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::attribute::{Item, find_nested, find_s, get_s, n, nested, rfc3339, s};
use crate::store::key;
use crate::transaction::{Transacted, Write};
use crate::{AuditEntry, Error, Store};

/// A credential without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// UUIDv7; also the last part of the secret's name.
    pub id: String,
    /// Unique, chosen by its owner.
    pub name: String,
    /// `openrouter`.
    pub provider: String,
    /// The key's last four characters.
    pub last_four: String,
    /// When it was stored, RFC 3339.
    pub created_at: String,
    /// When a run that uses it was started last, RFC 3339; noted once a minute at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
    /// The last check of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check: Option<Check>,
    /// The most that may be spent with the key on one day (UTC), USD.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
    pub max_cost_usd_per_day: Option<Decimal>,
    /// How its key is rotated; `None` where its owner does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// The last rotation of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_rotation: Option<LastRotation>,
    /// Counts the changes; 1 for the first.
    #[serde(default)]
    pub revision: u64,
}

/// What a check of a key found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// When, RFC 3339.
    pub at: String,
    /// Whether the provider accepted the key.
    pub valid: bool,
    /// The code of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Check {
    /// A check made now: good, or refused with this code.
    pub fn new(at: Timestamp, code: Option<String>) -> Self {
        Self {
            at: rfc3339(at),
            valid: code.is_none(),
            code,
        }
    }
}

/// When Secrets Manager rotates a key on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rotation {
    /// Days from one rotation to the next.
    pub every_days: u16,
}

/// A rotation that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRotation {
    /// When, RFC 3339.
    pub at: String,
    /// Secrets Manager's id of the version that it made.
    pub version: String,
    /// What became of the key before.
    pub old_key: OldKey,
}

/// What became of a key that was rotated out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum OldKey {
    /// OpenRouter refuses it from now on.
    Disabled,
    /// It is as good as before at OpenRouter.
    Left {
        /// Why it could not be disabled.
        reason: String,
    },
}

/// All credentials share a partition: they are few, and a list just after a creation has to show it.
pub(crate) const PARTITION: &str = "CREDENTIALS";

/// What changes beside the revisions: a change of the record must not take it back.
const BESIDE: &str = "lastUsedAt";

pub(crate) fn id_key(id: &str) -> String {
    format!("ID#{id}")
}

fn name_key(name: &str) -> String {
    format!("NAME#{name}")
}

impl Store {
    /// Records a new credential. [`Error::NameTaken`] where its name is in use.
    pub async fn add_credential(
        &self,
        credential: &Credential,
        entry: &AuditEntry,
    ) -> Result<(), Error> {
        let writes = [
            self.claim_name(credential),
            self.put_credential(credential)?,
            self.audit_row(&credential.id, entry)?,
        ];
        match self.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { .. } => Err(name_taken(&credential.name)),
        }
    }

    /// Every credential, the oldest first.
    pub async fn credentials(&self) -> Result<Vec<Credential>, Error> {
        let items = self.all_under(PARTITION, &id_key("")).await?;
        items.iter().map(read).collect()
    }

    /// The credential of this id or, where no id is so, of this name; or [`Error::NotFound`].
    pub async fn credential(&self, reference: &str) -> Result<Credential, Error> {
        if let Some(item) = self.get(PARTITION, &id_key(reference)).await? {
            return read(&item);
        }
        let claim = self.get(PARTITION, &name_key(reference)).await?;
        let id = claim
            .as_ref()
            .and_then(|claim| find_s(claim, "credentialId"));
        let id = id.ok_or_else(|| not_found(reference))?;
        let item = self.get(PARTITION, &id_key(id)).await?;
        read(&item.ok_or_else(|| not_found(reference))?)
    }

    /// Records what a check of the key found.
    pub async fn record_check(&self, id: &str, check: &Check) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(PARTITION, &id_key(id))))
            .update_expression("SET credential.lastCheck = :check")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":check", nested(check, "lastCheck")?)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(())
    }

    /// Makes `before`, as it was read, what `after` says, and gives it as it is now.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it was changed since it was read, [`Error::NameTaken`] where its new name is in use.
    pub async fn change_credential(
        &self,
        before: &Credential,
        after: Credential,
        entry: &AuditEntry,
    ) -> Result<Credential, Error> {
        let after = Credential {
            revision: before.revision + 1,
            ..after
        };
        let mut writes = vec![
            self.update_credential(before, &after)?.write()?,
            self.audit_row(&after.id, entry)?.write()?,
        ];
        if before.name != after.name {
            writes.push(self.free_name(before).write()?);
            writes.push(self.claim_name(&after).write()?);
        }
        match self.transact(writes).await? {
            Transacted::Done => Ok(after),
            Transacted::Refused { index: 3, .. } => Err(name_taken(&after.name)),
            Transacted::Refused { .. } => Err(conflict(&after.id)),
        }
    }

    /// The fields that differ, where the record is still of the revision that was read.
    fn update_credential(
        &self,
        before: &Credential,
        after: &Credential,
    ) -> Result<UpdateBuilder, Error> {
        let (old, new) = (fields(before)?, fields(after)?);
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(PARTITION, &id_key(&before.id))));
        let mut set = Vec::new();
        let mut remove = Vec::new();
        for (index, name) in old
            .keys()
            .chain(new.keys().filter(|name| !old.contains_key(*name)))
            .filter(|name| old.get(*name) != new.get(*name) && *name != BESIDE)
            .enumerate()
        {
            update = update.expression_attribute_names(format!("#f{index}"), name);
            match new.get(name) {
                Some(value) => {
                    set.push(format!("credential.#f{index} = :v{index}"));
                    update =
                        update.expression_attribute_values(format!(":v{index}"), value.clone());
                }
                None => remove.push(format!("credential.#f{index}")),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression.push_str(" REMOVE ");
            expression.push_str(&remove.join(", "));
        }
        Ok(update
            .update_expression(expression)
            .condition_expression(unchanged(before))
            .expression_attribute_values(":before", n(before.revision)))
    }

    pub(crate) fn claim_name(&self, credential: &Credential) -> PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(PARTITION, &name_key(&credential.name))))
            .item("credentialId", s(&credential.id))
            .condition_expression("attribute_not_exists(pk)")
    }

    pub(crate) fn free_name(&self, credential: &Credential) -> DeleteBuilder {
        Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(PARTITION, &name_key(&credential.name))))
            .condition_expression("credentialId = :id")
            .expression_attribute_values(":id", s(&credential.id))
    }

    pub(crate) fn put_credential(&self, credential: &Credential) -> Result<PutBuilder, Error> {
        Ok(Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(PARTITION, &id_key(&credential.id))))
            .item("credential", nested(credential, "credential")?)
            .condition_expression("attribute_not_exists(pk)"))
    }
}

fn fields(credential: &Credential) -> Result<HashMap<String, AttributeValue>, Error> {
    match nested(credential, "credential")? {
        AttributeValue::M(fields) => Ok(fields),
        _ => Err(Error::Malformed {
            attribute: "credential",
        }),
    }
}

/// The condition that a record is as it was read; `:before` is its revision. The oldest records count no changes.
pub(crate) fn unchanged(credential: &Credential) -> &'static str {
    match credential.revision {
        0 => {
            "attribute_exists(pk) AND (attribute_not_exists(credential.revision) OR credential.revision = :before)"
        }
        _ => "credential.revision = :before",
    }
}

pub(crate) fn read(item: &Item) -> Result<Credential, Error> {
    find_nested(item, "credential")?.ok_or_else(|| match get_s(item, "sk") {
        Ok(sk) => not_found(sk),
        Err(error) => error,
    })
}

pub(crate) fn not_found(id: &str) -> Error {
    Error::NotFound {
        what: "credential",
        id: id.to_owned(),
    }
}

pub(crate) fn name_taken(name: &str) -> Error {
    Error::NameTaken {
        what: "credential",
        name: name.to_owned(),
    }
}

pub(crate) fn conflict(id: &str) -> Error {
    Error::Conflict {
        what: "credential",
        id: id.to_owned(),
    }
}
