//! Units that wait without a lane, and the messages that let them go on.
//!
//! A unit that pauses is WAITING, and has a record beside it: which message it waits for, and when it is due at the latest.
//! Whoever has something to tell it writes the message first, and then offers the unit to the lanes. The function that takes
//! the unit finds the message, and settles it. Nobody else does: so a message that is told twice changes nothing.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::Error;
use crate::due::{DUE, DUE_AT, Due};
use crate::keys::{self, EXPIRES_AT};
use crate::node::claim::Lease;
use crate::node::pause::Pause;
use crate::node::record::{NodeRecord, Nodes};
use crate::node::row::{NodeStatus, Waiting};
use crate::table::key::PK;
use crate::table::{Attribute, Change, Put};

/// A unit of a run that has paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PausedUnit {
    /// The unit.
    pub unit: String,
    /// The message that it waits for.
    pub awaits: Option<String>,
}

/// A message to the units of a run that wait for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What it says.
    pub value: Value,
    /// When it was told.
    pub at: Timestamp,
}

const AWAITS: Attribute<String> = Attribute::new("awaits");
pub(crate) const VALUE: Attribute<AttributeValue> = Attribute::new("message");
const AT: Attribute<Timestamp> = Attribute::new("toldAt");

impl NodeRecord {
    /// Whether it waits without a lane. What waits for its next attempt in an earlier take is tried at once.
    pub fn has_paused(&self, take: u32) -> bool {
        self.status == NodeStatus::Waiting && self.pause.is_some() && !self.is_of_before(take)
    }

    /// How it has paused by itself; `None` where it has not, or waits for its next attempt.
    pub fn own_pause(&self) -> Option<&Pause> {
        let retries = self.waiting == Some(Waiting::Retry);
        self.pause.as_ref().filter(|_| !retries)
    }
}

impl Nodes {
    /// The record of a unit that has paused.
    pub(super) fn timer(&self, lease: &Lease, until: Timestamp, pause: &Pause) -> Put {
        Put::of(keys::paused(&lease.run_id, &lease.node_id))
            .set_some(AWAITS, pause.awaits.as_ref())
            .set(DUE, Due::Timer)
            .set(DUE_AT, until)
            .set(EXPIRES_AT, self.0.expires(until))
    }

    /// The units of the run that have paused.
    pub async fn paused(&self, run_id: &str) -> Result<Vec<PausedUnit>, Error> {
        let items = self.0.all_under(&keys::all_paused(run_id)).await?;
        let mut units = Vec::with_capacity(items.len());
        for item in &items {
            if let Some(unit) = keys::unit_paused(item)? {
                let awaits = AWAITS.find(item)?;
                units.push(PausedUnit { unit, awaits });
            }
        }
        Ok(units)
    }

    /// Lets a unit that has paused be looked at at this time, where that would be later.
    pub async fn hasten(&self, run_id: &str, unit: &str, at: Timestamp) -> Result<(), Error> {
        let change = Change::of(keys::paused(run_id, unit))
            .when(PK.exists())
            .when(DUE_AT.missing().or(DUE_AT.is_at_least(at)))
            .set(DUE, Due::Timer)
            .set(DUE_AT, at);
        self.0.write(change).await?;
        Ok(())
    }

    /// Writes down a message to units of the run. To be told by whoever also offers them again. `false` where there was one of this name before: that one counts.
    pub async fn tell(
        &self,
        run_id: &str,
        name: &str,
        value: &Value,
        now: Timestamp,
    ) -> Result<bool, Error> {
        if self.is_told(run_id, name).await? {
            return Ok(false);
        }
        let object = format!("runs/{run_id}/messages/{}.json.gz", Uuid::now_v7());
        let value = self.0.texts().keep(&object, &value.to_string()).await?;
        let put = Put::of(keys::message(run_id, name))
            .when(PK.missing())
            .set(VALUE, value)
            .set(AT, now)
            .set(EXPIRES_AT, self.0.expires(now));
        self.0.write(put).await
    }

    /// The message of this name to units of the run.
    pub async fn message(&self, run_id: &str, name: &str) -> Result<Option<Message>, Error> {
        let Some(item) = self.0.get(keys::message(run_id, name)).await? else {
            return Ok(None);
        };
        let text = self.0.texts().fetch(&VALUE.get(&item)?, VALUE).await?;
        let value = serde_json::from_str(&text).map_err(|_| Error::Malformed {
            attribute: VALUE.name(),
        })?;
        let at = AT.get(&item)?;
        Ok(Some(Message { value, at }))
    }

    /// Whether the run was told the message of this name.
    pub async fn is_told(&self, run_id: &str, name: &str) -> Result<bool, Error> {
        let item = self.0.get_only(keys::message(run_id, name), PK).await?;
        Ok(item.is_some())
    }

    /// The names of the messages that the run was told.
    pub async fn messages(&self, run_id: &str) -> Result<BTreeSet<String>, Error> {
        let items = self.0.all_under(&keys::messages(run_id)).await?;
        let mut names = BTreeSet::new();
        for item in &items {
            names.extend(keys::message_of(item)?);
        }
        Ok(names)
    }
}
