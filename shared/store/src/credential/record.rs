//! Credential records: everything about a key except the key itself.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_key::CredentialType;

use crate::audit::AuditEntry;
use crate::credential::audit;
use crate::credential::handle::Credentials;
use crate::keys::{self, Key};
use crate::table::item::{Kept, kept_by_serde};
use crate::table::key::PK;
use crate::table::{Attribute, Change, Condition, Delete, Item, Put, Transacted};
use crate::{Error, Record, millis};

/// A credential without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// UUIDv7; also the last part of the secret's name.
    pub id: String,
    /// Unique, chosen by its owner.
    pub name: String,
    /// Its type: `openrouter` or `http`.
    pub provider: String,
    /// Of an `http` credential, how its secret is sent: `bearer`, `basic` or `header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Of an `http` credential, the hosts that its secret may be sent to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The key's last four characters; empty for a short secret.
    pub last_four: String,
    /// When it was stored.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
    /// When a run that uses it was started last; noted once a minute at most.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    pub last_used_at: Option<Timestamp>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// When.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
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
            at,
            valid: code.is_none(),
            code,
        }
    }
}

/// When Secrets Manager rotates a key on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rotation {
    /// Days from one rotation to the next.
    #[schemars(range(min = 1, max = 1000))]
    pub every_days: u16,
}

/// A rotation that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastRotation {
    /// When.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
    /// Secrets Manager's id of the version that it made.
    pub version: String,
    /// What became of the key before.
    pub old_key: OldKey,
}

/// What became of a key that was rotated out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum OldKey {
    /// OpenRouter refuses it from now on.
    Disabled,
    /// OpenRouter still accepts it.
    Left {
        /// Why it could not be disabled.
        reason: String,
    },
}

const CREDENTIAL: Attribute<Credential> = Attribute::new("credential");
/// How often a put of a workflow has named it: who deletes it sees that one came in between.
const NAMED: Attribute<u32> = Attribute::new("named");
/// In the claim on a name: the id of the credential that has it.
const CREDENTIAL_ID: Attribute<String> = Attribute::new("credentialId");

// Fields of the record that change by themselves.
const REVISION: Attribute<u64> = Attribute::new("revision");
const LAST_CHECK: Attribute<Check> = Attribute::new("lastCheck");
const LAST_USED_AT: Attribute<Timestamp> = Attribute::new("lastUsedAt");

kept_by_serde!(Credential, Check);

impl Credential {
    /// Its type; that of keys where this version does not know it.
    #[must_use]
    pub fn of_type(&self) -> CredentialType {
        CredentialType::parse(&self.provider).unwrap_or_default()
    }

    /// The credential of this id or name among those that are `known`.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn find<'k>(known: &'k [Self], reference: &str) -> Result<&'k Self, Error> {
        known
            .iter()
            .find(|known| known.id == reference || known.name == reference)
            .ok_or_else(|| Record::Credential.not_found(reference))
    }
}

impl Credentials {
    /// Records a new credential. [`Error::NameTaken`] where its name is in use.
    pub async fn add(&self, credential: &Credential, entry: &AuditEntry) -> Result<(), Error> {
        let writes = [
            claim_name(credential).into(),
            put(credential).into(),
            audit::row(&credential.id, entry).into(),
        ];
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { .. } => Err(name_taken(&credential.name)),
        }
    }

    /// Every credential, the oldest first.
    pub async fn list(&self) -> Result<Vec<Credential>, Error> {
        let items = self.0.all_under(&keys::credentials()).await?;
        items.iter().map(read).collect()
    }

    /// The credential with this id or, where no credential has this id, with this name; or [`Error::NotFound`].
    pub async fn get(&self, reference: &str) -> Result<Credential, Error> {
        if let Some(item) = self.0.get(keys::credential(reference)).await? {
            return read(&item);
        }
        let not_found = || Record::Credential.not_found(reference);
        let claim = self.0.get(keys::credential_name(reference)).await?;
        let id = CREDENTIAL_ID.find(&claim.unwrap_or_default())?;
        let id = id.ok_or_else(not_found)?;
        let item = self.0.get(keys::credential(&id)).await?;
        read(&item.ok_or_else(not_found)?)
    }

    /// How often puts of workflows have named the credential. Read before its users are, it tells
    /// [`Credentials::delete`] whether one came since.
    pub async fn named(&self, id: &str) -> Result<u32, Error> {
        let item = self.0.get_only(keys::credential(id), NAMED).await?;
        Ok(NAMED.find(&item.unwrap_or_default())?.unwrap_or_default())
    }

    /// Checks that no credential has this name; else [`Error::NameTaken`]. Only [`Credentials::add`] keeps it so.
    pub async fn check_name_is_free(&self, name: &str) -> Result<(), Error> {
        let known = self.list().await?;
        if known.iter().any(|credential| credential.name == name) {
            return Err(name_taken(name));
        }
        Ok(())
    }

    /// Records what a check of the key found.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the credential was deleted meanwhile.
    pub async fn record_check(&self, id: &str, check: &Check) -> Result<(), Error> {
        let change = Change::of(keys::credential(id))
            .when(PK.exists())
            .set(CREDENTIAL.field(LAST_CHECK), check);
        if self.0.write(change).await? {
            return Ok(());
        }
        Err(Record::Credential.not_found(id))
    }

    /// Notes that a run with these credentials (reference to id) has started; `known` is how they were read. Who reads
    /// the note wants to know whether a credential is still needed. So it may be a minute late, and a note that cannot
    /// be written fails no run.
    pub async fn note_use(&self, known: &[Credential], used: &BTreeMap<String, String>) {
        let now = Timestamp::now();
        for credential in known {
            if !used.values().any(|id| *id == credential.id) {
                continue;
            }
            if let Err(error) = self.note_one(credential, now).await {
                tracing::warn!(credential = credential.id, %error, "its use was not noted");
            }
        }
    }

    /// At most once a minute, and never over a later note.
    async fn note_one(&self, credential: &Credential, now: Timestamp) -> Result<(), Error> {
        let noted = credential.last_used_at;
        if noted.is_some_and(|at| now < at + NOTED_EVERY) {
            return Ok(());
        }
        let used = || CREDENTIAL.field(LAST_USED_AT);
        let unchanged = match noted {
            Some(noted) => used().is(noted),
            None => PK.exists().and(used().missing()),
        };
        // Where the condition does not hold, another run has noted a use, or the credential is gone.
        let change = Change::of(keys::credential(&credential.id))
            .when(unchanged)
            .set(used(), now);
        self.0.write(change).await?;
        Ok(())
    }

    /// Changes the record from `before`, as it was read, to `after`. Gives it as it is now.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it was changed since it was read, [`Error::NameTaken`] where its new name is in use.
    pub async fn change(
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
            difference(before, &after)?.into(),
            audit::row(&after.id, entry).into(),
        ];
        if before.name != after.name {
            writes.push(free_name(before).into());
            writes.push(claim_name(&after).into());
        }
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(after),
            Transacted::Refused { index: 3, .. } => Err(name_taken(&after.name)),
            Transacted::Refused { .. } => Err(Record::Credential.conflict(after.id)),
        }
    }
}

/// How often a use is noted at most.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The fields that differ, where the record still has the revision that was read. The time of the last use is noted
/// without a new revision, so a change must not write an old one over it.
fn difference(before: &Credential, after: &Credential) -> Result<Change, Error> {
    let (old, new) = (fields(before)?, fields(after)?);
    let added = new.keys().filter(|name| !old.contains_key(*name));
    let changed = old
        .keys()
        .chain(added)
        .filter(|name| old.get(*name) != new.get(*name) && *name != LAST_USED_AT.name());
    let begun = Change::of(keys::credential(&before.id)).when(unchanged(before));
    Ok(changed.fold(begun, |change, name| {
        let field = CREDENTIAL.path().field_named(name);
        match new.get(name) {
            Some(value) => change.set(field, value),
            None => change.remove(field),
        }
    }))
}

fn fields(credential: &Credential) -> Result<Item, Error> {
    match credential.write()? {
        AttributeValue::M(fields) => Ok(fields),
        _ => Err(Error::Malformed {
            attribute: CREDENTIAL.name(),
        }),
    }
}

/// The record is as it was read. The oldest records count no changes.
pub(super) fn unchanged(credential: &Credential) -> Condition {
    let revision = || CREDENTIAL.field(REVISION);
    let same = revision().is(credential.revision);
    match credential.revision {
        0 => PK.exists().and(revision().missing().or(same)),
        _ => same,
    }
}

/// The write with which a put of a workflow names a credential. It is refused where the credential is gone.
pub(crate) fn name(id: &str) -> Change {
    Change::of(keys::credential(id))
        .when(CREDENTIAL.exists())
        .add(NAMED, 1)
}

/// No put of a workflow has named it since.
pub(super) fn not_named_since(named: u32) -> Condition {
    match named {
        0 => NAMED.missing(),
        named => NAMED.is(named),
    }
}

pub(super) fn claim_name(credential: &Credential) -> Put {
    Put::of(keys::credential_name(&credential.name))
        .when(PK.missing())
        .set(CREDENTIAL_ID, &credential.id)
}

pub(super) fn free_name(credential: &Credential) -> Delete {
    Delete::of(keys::credential_name(&credential.name)).when(CREDENTIAL_ID.is(&credential.id))
}

pub(super) fn put(credential: &Credential) -> Put {
    with(keys::credential(&credential.id), credential).when(PK.missing())
}

/// An item that holds the record.
pub(super) fn with(key: Key, credential: &Credential) -> Put {
    Put::of(key).set(CREDENTIAL, credential)
}

/// The record that an item holds.
pub(super) fn read(item: &Item) -> Result<Credential, Error> {
    CREDENTIAL.get(item)
}

pub(super) fn name_taken(name: &str) -> Error {
    Error::NameTaken {
        record: Record::Credential,
        name: name.to_owned(),
    }
}
