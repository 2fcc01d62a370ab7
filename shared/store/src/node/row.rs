//! How a node stands, without its texts: what the index of changes has of it while somebody watches. The record itself has the
//! same attributes, so a row can be read from either.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_problem::Problem;
use steps_usage::Usage;

use crate::Error;
use crate::keys;
use crate::table::item::{kept_as_word, kept_by_serde};
use crate::table::{Attribute, Item};

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NodeStatus {
    /// Not begun; it has no record yet.
    Pending,
    /// A function works on it, under a lease.
    Running,
    /// An attempt failed and the next one begins later; or it waits for something without a function.
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

/// What a node waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The time of its next attempt.
    Retry,
    /// A time.
    Time,
    /// A signal.
    Signal,
    /// A person's decision.
    Approval,
}

impl Waiting {
    /// The word as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "RETRY",
            Self::Time => "TIME",
            Self::Signal => "SIGNAL",
            Self::Approval => "APPROVAL",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Retry, Self::Time, Self::Signal, Self::Approval]
            .into_iter()
            .find(|waiting| waiting.as_str() == word)
    }
}

kept_as_word!(Waiting);

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

pub(super) const STATUS: Attribute<NodeStatus> = Attribute::new("status");
pub(super) const EXECUTION: Attribute<u32> = Attribute::new("execution");
pub(super) const LEASE_UNTIL: Attribute<Timestamp> = Attribute::new("leaseUntil");
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
/// There where it failed and the run goes on all the same.
pub(super) const HANDLED: Attribute<u32> = Attribute::new("handled");
pub(super) const REUSED_FROM: Attribute<String> = Attribute::new("reusedFrom");
pub(super) const ANSWER: Attribute<Answer> = Attribute::new("answer");
/// How many items its list has.
pub(super) const ITEMS: Attribute<u32> = Attribute::new("items");

kept_by_serde!(Problem, Answer);

/// How a node stands, without its texts.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// The node's id in the workflow; of an item of its list, the unit.
    pub id: String,
    /// The number of the run's execution that worked on it last.
    pub execution: u32,
    /// Where it stands; never [`NodeStatus::Pending`], which has no record.
    pub status: NodeStatus,
    /// How many times it was tried.
    pub tried: usize,
    /// Why it failed for good, or what it waits out.
    pub error: Option<Problem>,
    /// Whether it failed and the run goes on all the same: its variable tells of the failure.
    pub handled: bool,
    /// Its items, where it is executed for each item of a list that is known by now. A row has only how many there are.
    pub items: Option<ItemCounts>,
    /// What all its attempts cost, USD.
    pub cost_usd: Decimal,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it waits for.
    pub waiting: Option<Waiting>,
    /// Until when it waits.
    pub wait_until: Option<Timestamp>,
    /// Until when a function holds it. Only the record itself has it, the index has not.
    pub lease_until: Option<Timestamp>,
    /// When its status was set; absent where nobody watched then.
    pub changed_at: Option<Timestamp>,
    /// The run whose answer this is, where it was reused.
    pub reused_from: Option<String>,
    /// What is known of its answer, where it has one.
    pub answer: Option<Answer>,
}

impl NodeRow {
    /// Whether its list is known, and its items are executed now.
    pub fn is_open(&self) -> bool {
        self.items.is_some() && self.status == NodeStatus::Running
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

    /// Adds what the lanes have counted of its list, as [`Live::lists`](crate::Live::lists) gives it.
    pub fn count(&mut self, (counts, cost): &(ItemCounts, Decimal)) {
        if let Some(items) = &mut self.items {
            self.cost_usd += cost;
            *items = ItemCounts {
                total: items.total,
                // The last unit of a comparison, its judge, is counted with the items.
                done: counts.done.min(items.total),
                ..counts.clone()
            };
        }
    }

    /// Whether it has to be tried anew in this execution of the run: it failed, or waits for its next attempt, in an
    /// earlier one.
    pub fn is_of_before(&self, execution: u32) -> bool {
        let again = match self.status {
            NodeStatus::Failed => !self.handled,
            NodeStatus::Waiting => self.waiting == Some(Waiting::Retry),
            _ => false,
        };
        again && self.execution < execution
    }
}

/// The node, or item of a node's list, whose record or whose row of the index the item is; `None` for other items.
pub(super) fn row(item: &Item) -> Result<Option<NodeRow>, Error> {
    let Some(id) = keys::unit_recorded(item)? else {
        return Ok(None);
    };
    Ok(Some(NodeRow {
        id,
        execution: EXECUTION.find(item)?.unwrap_or(1),
        status: STATUS.get(item)?,
        tried: TRIED.find(item)?.unwrap_or_default(),
        error: ERROR.find(item)?,
        handled: HANDLED.find(item)?.is_some(),
        items: ITEMS.find(item)?.map(|total| ItemCounts {
            total,
            ..ItemCounts::default()
        }),
        cost_usd: COST_USD.find(item)?.unwrap_or_default(),
        started_at: STARTED_AT.find(item)?,
        ended_at: ENDED_AT.find(item)?,
        waiting: WAITING.find(item)?,
        wait_until: WAIT_UNTIL.find(item)?,
        lease_until: LEASE_UNTIL.find(item)?,
        changed_at: CHANGED_AT.find(item)?,
        reused_from: REUSED_FROM.find(item)?,
        answer: ANSWER.find(item)?,
    }))
}
