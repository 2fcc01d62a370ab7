//! Nodes of a run as they are recorded. A node that has not begun has no record.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_problem::Problem;
use steps_usage::Usage;

use crate::budget::Reserved;
use crate::keys;
use crate::lane::lists_of;
use crate::table::item::{kept_as_word, kept_by_serde};
use crate::table::texts::bytes_in_s3;
use crate::table::{Attribute, Change, Item, Table};
use crate::unit::Unit;
use crate::{Error, millis};

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NodeStatus {
    /// Not begun; it has no record yet.
    Pending,
    /// A function works on it, under a lease.
    Running,
    /// An attempt failed; the next one begins later.
    Waiting,
    /// Its answer is stored.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It was not executed: its `when` was not true, or the run ended before it began.
    Skipped,
}

impl NodeStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Waiting => "WAITING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [
            Self::Running,
            Self::Waiting,
            Self::Succeeded,
            Self::Failed,
            Self::Skipped,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }
}

kept_as_word!(NodeStatus);

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
}

impl Default for Attempt {
    fn default() -> Self {
        Self {
            execution: 1,
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
            generation_id: None,
            cost_usd: None,
            usage: None,
            reserved: None,
            code: None,
            message: None,
            wait_seconds: None,
        }
    }
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

/// A node as recorded.
#[derive(Debug, Clone)]
pub struct NodeRecord {
    /// The node's id in the workflow; of an item of its list, the unit.
    pub id: String,
    /// The number of the run's execution that worked on it last.
    pub execution: u32,
    /// Where it stands; never [`NodeStatus::Pending`], which has no record.
    pub status: NodeStatus,
    /// Every try, the first one first.
    pub attempts: Vec<Attempt>,
    /// Why it failed for good, or what it waits out.
    pub error: Option<Problem>,
    /// Whether it failed and the run goes on all the same: its variable tells of the failure.
    pub handled: bool,
    /// Its items, where it is executed for each item of a list that is known by now.
    pub items: Option<ItemCounts>,
    /// What all its attempts cost, USD; of a list, all attempts of all items. [`Nodes::of_run`] knows the latter.
    pub cost_usd: Decimal,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it succeeded or failed.
    pub ended_at: Option<Timestamp>,
    /// Until when the function that works on it holds it.
    pub lease_until: Option<Timestamp>,
    /// Until when it waits.
    pub wait_until: Option<Timestamp>,
    /// The run whose answer this is, where it was reused.
    pub reused_from: Option<String>,
    /// What is known of its answer without reading it, where it has one.
    pub answer: Option<Answer>,
    pub(super) output: Option<AttributeValue>,
}

/// How the items of a node's list stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// How many there are.
    pub total: u32,
    /// How many are done, those that failed and are kept included.
    pub done: u32,
    /// How many have failed and are kept.
    pub failed: u32,
    /// What they used.
    pub usage: Usage,
}

impl NodeRecord {
    /// Adds what the lanes have counted of its list.
    pub(super) fn count(&mut self, (counts, cost): (ItemCounts, Decimal)) {
        self.cost_usd += cost;
        if let Some(items) = &mut self.items {
            *items = ItemCounts {
                total: items.total,
                ..counts
            };
        }
    }

    /// Whether its list is known, and its items are executed now.
    pub fn is_open(&self) -> bool {
        self.items.is_some() && self.status == NodeStatus::Running
    }

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

    /// Why it failed for good.
    pub fn failure(&self) -> Problem {
        self.error.clone().unwrap_or_else(|| {
            Problem::from(Error::Malformed {
                attribute: ERROR.name(),
            })
        })
    }

    /// Whether nothing has to be done for it any more.
    pub fn is_done(&self) -> bool {
        match self.status {
            NodeStatus::Succeeded | NodeStatus::Skipped => true,
            NodeStatus::Failed => self.handled,
            _ => false,
        }
    }

    /// How long until it may be claimed for this execution of the run; zero where it may be now. `None` where it has
    /// ended. What failed or waits in an earlier execution may be claimed at once.
    pub fn claimable_in(&self, execution: u32, now: Timestamp) -> Option<Duration> {
        if self.is_open() {
            return None;
        }
        let earlier = self.execution < execution && !self.handled;
        let at = match self.status {
            NodeStatus::Running => self.lease_until,
            NodeStatus::Waiting | NodeStatus::Failed if earlier => None,
            NodeStatus::Waiting => self.wait_until,
            _ => return None,
        };
        let wait = at.map(|at| at.duration_since(now)).unwrap_or_default();
        Some(wait.try_into().unwrap_or_default())
    }
}

/// What is known of an answer without reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Answer {
    /// How large the node's variable is, as JSON.
    pub bytes: usize,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider that it ran at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written, reasoning included.
    pub completion_tokens: u64,
    /// The number of the attempt that gave it, from 1; 0 where it was recorded before attempts were noted.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempt: usize,
    /// How many bytes (UTF-8) the variable's `text` has; absent where that was not noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_bytes: Option<u64>,
    /// The same of its `reasoning`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_bytes: Option<u64>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Answer {
    /// Of a node's variable, which the attempt of this number gave: `text` as JSON.
    pub(super) fn of(variable: &Value, text: &str, usage: &Usage, attempt: usize) -> Self {
        let said = |name: &str| variable.get(name)?.as_str().map(str::to_owned);
        let bytes_of = |name: &str| {
            let text = variable.get(name).and_then(Value::as_str);
            Some(text.map_or(0, str::len) as u64)
        };
        Self {
            bytes: text.len(),
            model: said("model"),
            provider: said("provider"),
            finish_reason: said("finishReason"),
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            attempt,
            text_bytes: bytes_of("text"),
            reasoning_bytes: bytes_of("reasoning"),
        }
    }
}

/// What a node waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The time of its next attempt.
    Retry,
}

impl Waiting {
    /// The word as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "RETRY",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Retry]
            .into_iter()
            .find(|waiting| waiting.as_str() == word)
    }
}

kept_as_word!(Waiting);

pub(super) const STATUS: Attribute<NodeStatus> = Attribute::new("status");
pub(super) const EXECUTION: Attribute<u32> = Attribute::new("execution");
/// Which function holds it: an id of its own for each claim.
pub(super) const OWNER: Attribute<String> = Attribute::new("owner");
pub(super) const LEASE_UNTIL: Attribute<Timestamp> = Attribute::new("leaseUntil");
pub(super) const ATTEMPTS: Attribute<Vec<Attempt>> = Attribute::new("attempts");
// Fields of an attempt that change by themselves. Its cost is text there.
pub(super) const GENERATION_ID: Attribute<String> = Attribute::new("generationId");
pub(super) const ATTEMPT_ENDED_AT: Attribute<Timestamp> = Attribute::new("endedAt");
pub(super) const ATTEMPT_COST_USD: Attribute<String> = Attribute::new("costUsd");
pub(super) const ATTEMPT_USAGE: Attribute<Usage> = Attribute::new("usage");
pub(super) const ATTEMPT_RESERVED: Attribute<Reserved> = Attribute::new("reserved");
/// How many attempts there are: an index cannot project a list's length.
pub(super) const TRIED: Attribute<usize> = Attribute::new("tried");
/// When its status was set, while somebody watched. The index of changes stands on it: no other record has it.
pub(super) const CHANGED_AT: Attribute<Timestamp> = Attribute::new("changedAt");
pub(super) const ERROR: Attribute<Problem> = Attribute::new("error");
pub(super) const COST_USD: Attribute<Decimal> = Attribute::new("costUsd");
pub(super) const STARTED_AT: Attribute<Timestamp> = Attribute::new("startedAt");
pub(super) const ENDED_AT: Attribute<Timestamp> = Attribute::new("endedAt");
/// What it waits for, until when, and the code of the failure that it waits out.
pub(super) const WAITING: Attribute<Waiting> = Attribute::new("waiting");
pub(super) const WAIT_UNTIL: Attribute<Timestamp> = Attribute::new("waitUntil");
pub(super) const WAIT_CODE: Attribute<String> = Attribute::new("waitCode");
/// The run's workflow. Not by the name that runs have it under: that would put nodes into a list of runs.
pub(super) const WORKFLOW: Attribute<String> = Attribute::new("workflow");
/// There where it failed and the run goes on all the same.
pub(super) const HANDLED: Attribute<u32> = Attribute::new("handled");
pub(super) const REUSED_FROM: Attribute<String> = Attribute::new("reusedFrom");
pub(super) const OUTPUT: Attribute<AttributeValue> = Attribute::new("output");
pub(super) const ANSWER: Attribute<Answer> = Attribute::new("answer");

/// How many items its list has.
pub(super) const ITEMS: Attribute<u32> = Attribute::new("items");

kept_by_serde!(Attempt, Vec<Attempt>, Problem, Answer, Usage);

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
                record.count(list);
            }
        }
        Ok(record)
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

/// The node, or item of a node's list, that the item records; `None` for the run's other items.
pub(crate) fn read(item: &Item) -> Result<Option<NodeRecord>, Error> {
    let Some(id) = keys::unit_recorded(item)? else {
        return Ok(None);
    };
    Ok(Some(NodeRecord {
        id,
        execution: EXECUTION.find(item)?.unwrap_or(1),
        status: STATUS.get(item)?,
        attempts: ATTEMPTS.find(item)?.unwrap_or_default(),
        error: ERROR.find(item)?,
        handled: HANDLED.find(item)?.is_some(),
        items: ITEMS.find(item)?.map(|total| ItemCounts {
            total,
            ..ItemCounts::default()
        }),
        cost_usd: COST_USD.find(item)?.unwrap_or_default(),
        started_at: STARTED_AT.find(item)?,
        ended_at: ENDED_AT.find(item)?,
        lease_until: LEASE_UNTIL.find(item)?,
        wait_until: WAIT_UNTIL.find(item)?,
        reused_from: REUSED_FROM.find(item)?,
        answer: ANSWER.find(item)?,
        output: OUTPUT.find(item)?,
    }))
}
