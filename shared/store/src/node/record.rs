//! Nodes of a run as they are recorded. A node that has not begun has no record.

use std::ops::Deref;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_usage::Usage;

use crate::budget::Reserved;
use crate::keys::{self, BY_CHANGE};
use crate::lane::lists_of;
use crate::node::pause::Pause;
use crate::node::row::{CHANGED_AT, NodeRow, row};
use crate::table::item::kept_by_serde;
use crate::table::key::PK;
use crate::table::texts::bytes_in_s3;
use crate::table::{Attribute, Change, Item, Query, Table};
use crate::unit::Unit;
use crate::{Error, millis};

/// One try at a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Attempt {
    /// The number of the run's execution that it belongs to; absent for the first.
    #[serde(skip_serializing_if = "is_first")]
    pub execution: u32,
    /// When it began.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub started_at: Timestamp,
    /// When it ended; absent while it goes on, and for one that was lost.
    #[serde(skip_serializing_if = "Option::is_none", with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
    /// OpenRouter's id of the generation, as soon as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation_id: Option<String>,
    /// The model that answered; where the answer broke off before it said so, the one that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The id of the credential that paid for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    /// What OpenRouter charged for it, USD; absent while it is not known.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
    #[schemars(with = "Option<Decimal>")]
    pub cost_usd: Option<Decimal>,
    /// What it used; absent while it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What it may cost at most, held back in budgets until its cost is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Reserved>,
    /// The code of its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The failure in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How long the node waits before the next attempt, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u64>,
    /// Whether the node has paused by it: it waits for something, and is tried again then.
    #[serde(skip_serializing_if = "is_false")]
    pub paused: bool,
}

impl Default for Attempt {
    fn default() -> Self {
        Self {
            execution: 1,
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
            generation_id: None,
            model: None,
            credential_id: None,
            cost_usd: None,
            usage: None,
            reserved: None,
            code: None,
            message: None,
            wait_seconds: None,
            paused: false,
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_first(execution: &u32) -> bool {
    *execution == 1
}

impl Attempt {
    /// Whether OpenRouter generated something for it and what that cost is not known.
    pub fn is_unpriced(&self) -> bool {
        self.generation_id.is_some() && self.cost_usd.is_none()
    }
}

/// Who gave a node its output, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByHand {
    /// The id of the token, `root` for the stack's own.
    pub principal: String,
    /// When.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
}

/// A node, or an item of its list, as recorded: how it stands, with its attempts and its texts. Of a list, what all attempts of
/// all items cost is known to [`Nodes::of_run`] and [`Nodes::get_counted`].
#[derive(Debug, Clone)]
pub struct NodeRecord {
    /// How it stands.
    pub row: NodeRow,
    /// Every try, the first one first.
    pub attempts: Vec<Attempt>,
    /// Who gave it its output, where that was done by hand.
    pub by_hand: Option<ByHand>,
    /// The output that it was given and is not settled with yet.
    pub(super) given: Option<AttributeValue>,
    /// How it has paused, where it has since it was begun.
    pub pause: Option<Pause>,
    pub(super) output: Option<AttributeValue>,
}

impl Deref for NodeRecord {
    type Target = NodeRow;

    fn deref(&self) -> &NodeRow {
        &self.row
    }
}

impl NodeRecord {
    /// What all its attempts used; `None` where none is known to have used anything.
    pub fn usage(&self) -> Option<Usage> {
        if let Some(items) = &self.items {
            return Some(items.usage.clone()).filter(|usage| !usage.is_empty());
        }
        let known = self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.usage.as_ref());
        known.fold(None, |sum: Option<Usage>, usage| {
            Some(sum.unwrap_or_default().plus(usage))
        })
    }

    /// How large its variable is, where it lies in S3.
    pub fn output_bytes(&self) -> Option<usize> {
        bytes_in_s3(self.output.as_ref()?)
    }
}

/// Which function holds it: an id of its own for each claim.
pub(super) const OWNER: Attribute<String> = Attribute::new("owner");
pub(super) const ATTEMPTS: Attribute<Vec<Attempt>> = Attribute::new("attempts");
// Fields of an attempt that change by themselves. Its cost is text there.
pub(super) const GENERATION_ID: Attribute<String> = Attribute::new("generationId");
pub(super) const ATTEMPT_ENDED_AT: Attribute<Timestamp> = Attribute::new("endedAt");
pub(super) const ATTEMPT_COST_USD: Attribute<String> = Attribute::new("costUsd");
pub(super) const ATTEMPT_MODEL: Attribute<String> = Attribute::new("model");
pub(super) const ATTEMPT_CREDENTIAL_ID: Attribute<String> = Attribute::new("credentialId");
pub(super) const ATTEMPT_USAGE: Attribute<Usage> = Attribute::new("usage");
pub(super) const ATTEMPT_RESERVED: Attribute<Reserved> = Attribute::new("reserved");
pub(super) const WAIT_CODE: Attribute<String> = Attribute::new("waitCode");
/// The run's workflow. Not by the name that runs have it under: that would put nodes into a list of runs.
pub(super) const WORKFLOW: Attribute<String> = Attribute::new("workflow");
pub(super) const OUTPUT: Attribute<AttributeValue> = Attribute::new("output");
/// Who gave it its output by hand.
pub(super) const BY_HAND: Attribute<ByHand> = Attribute::new("byHand");
/// The output that it was given by hand, until it is settled with it.
pub(super) const GIVEN: Attribute<AttributeValue> = Attribute::new("given");

pub(super) const PAUSE: Attribute<Pause> = Attribute::new("pause");

kept_by_serde!(Pause, Attempt, Vec<Attempt>, Usage, ByHand);

/// Notes in a node's record that its status is set, where somebody watches: they find it by that. Else the index of changes
/// costs nothing. The items of a list are too many for it: they are counted.
pub(super) fn changed(change: Change, unit: &str, at: Timestamp, watched: bool) -> Change {
    match Unit::of(unit) {
        Unit::Node(_) if watched => change.set(CHANGED_AT, at),
        _ => change,
    }
}

/// Nodes of runs.
#[derive(Debug, Clone)]
pub struct Nodes(pub(crate) Table);

impl Nodes {
    /// The record of a node, or of an item of its list; `None` where it has not begun.
    pub async fn get(&self, run_id: &str, node_id: &str) -> Result<Option<NodeRecord>, Error> {
        let item = self.0.get(keys::unit(run_id, node_id)).await?;
        match item {
            Some(item) => read(&item),
            None => Ok(None),
        }
    }

    /// The same, with the items of the node's list counted, where it has one.
    pub async fn get_counted(
        &self,
        run_id: &str,
        node_id: &str,
    ) -> Result<Option<NodeRecord>, Error> {
        let mut record = self.get(run_id, node_id).await?;
        if let Some(record) = record.as_mut().filter(|record| record.items.is_some()) {
            let lanes = self
                .0
                .all_under(&keys::lanes_of_list(run_id, node_id))
                .await?;
            for (_, list) in lists_of(&lanes)? {
                record.row.count(&list);
            }
        }
        Ok(record)
    }

    /// The run's nodes whose status was set after `since` by functions that knew of somebody who watches. The index is a
    /// moment behind.
    pub async fn rows_since(&self, run_id: &str, since: Timestamp) -> Result<Vec<NodeRow>, Error> {
        let pk = keys::run(run_id).pk;
        let keys = || PK.is(&pk).and(CHANGED_AT.is_at_least(since));
        rows(&self.0.all(|| Query::of(keys()).index(BY_CHANGE)).await?)
    }

    /// All nodes of the run that have begun, as they are now. Their whole records are read.
    pub async fn rows(&self, run_id: &str) -> Result<Vec<NodeRow>, Error> {
        rows(&self.0.all_under(&keys::nodes(run_id)).await?)
    }

    /// These nodes of the run as they are now, as far as they have begun. Their whole records are read.
    pub async fn rows_now(&self, run_id: &str, ids: &[&str]) -> Result<Vec<NodeRow>, Error> {
        let keys: Vec<_> = ids.iter().map(|id| keys::unit(run_id, id)).collect();
        rows(&self.0.get_many(&keys).await?)
    }

    /// A node's variable, where it has succeeded.
    pub async fn output(&self, node: &NodeRecord) -> Result<Option<Value>, Error> {
        let Some(kept) = &node.output else {
            return Ok(None);
        };
        let text = self.0.texts().fetch(kept, OUTPUT).await?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|_| Error::Malformed {
                attribute: OUTPUT.name(),
            })
    }
}

fn rows(items: &[Item]) -> Result<Vec<NodeRow>, Error> {
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        rows.extend(row(item)?);
    }
    Ok(rows)
}

/// The node, or item of a node's list, that the item records; `None` for the run's other items.
pub(crate) fn read(item: &Item) -> Result<Option<NodeRecord>, Error> {
    let Some(row) = row(item)? else {
        return Ok(None);
    };
    Ok(Some(NodeRecord {
        row,
        attempts: ATTEMPTS.find(item)?.unwrap_or_default(),
        by_hand: BY_HAND.find(item)?,
        given: GIVEN.find(item)?,
        pause: PAUSE.find(item)?,
        output: OUTPUT.find(item)?,
    }))
}
