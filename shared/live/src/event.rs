//! The events of a run, as a reader gets them.

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_problem::Problem;
use steps_store::{
    Answer, ItemCounts, LiveHead, NodeRow, NodeStatus, PieceKind, RunError, RunStatus, millis,
};

/// One event: its name and its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", content = "data", rename_all = "lowercase")]
pub enum Event {
    /// The stream begins anew: what was known of the run is void.
    Run(RunBegins),
    /// How nodes stand now.
    Nodes(NodesStand),
    /// How the items stand that the reader asked for.
    Items(ItemsInView),
    /// A piece of what a model writes.
    Text(TextPiece),
    /// The run has ended. Nothing comes after it.
    End(Box<RunEnds>),
}

/// The run as the stream begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunBegins {
    /// UUIDv7.
    pub run_id: String,
    /// The workflow it runs.
    pub workflow_id: String,
    /// Where it stands.
    pub status: RunStatus,
    /// 1, and one more each time it was resumed.
    pub take: u32,
    /// How many nodes its workflow has.
    pub nodes: usize,
    /// When it started.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub started_at: Timestamp,
}

/// How some nodes stand now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodesStand {
    /// Each replaces what was said of the node before.
    pub nodes: Vec<NodeStands>,
}

/// How a node stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStands {
    /// Its id in the workflow.
    pub node: String,
    /// Where it stands.
    pub status: NodeStatus,
    /// The number of its last attempt, from 1; of one that succeeded, that of the attempt whose answer it is. Absent where it
    /// was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<usize>,
    /// When its first attempt began.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
    /// How the items of its list stand, where it is executed for each item of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsStand>,
    /// What all its attempts cost so far, USD.
    pub cost_usd: Decimal,
    /// What it waits for: `RETRY` is its next attempt, `TIME` a time, `SIGNAL` a signal, `APPROVAL` a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Until when it waits, where that is known.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub until: Option<Timestamp>,
    /// Why it failed, or what it waits out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// Whether it failed and the run goes on all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub handled: bool,
    /// The run whose answer this is, where it was reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused_from: Option<String>,
    /// What is known of its answer, besides its texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerIs>,
    /// The path that shows its text, where the text was not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_at: Option<String>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// How the items of a node's list stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemsStand {
    /// How many there are.
    pub total: u32,
    /// How many are done, those that failed and are kept included.
    pub done: u32,
    /// How many have failed and are kept.
    pub failed: u32,
}

impl From<&ItemCounts> for ItemsStand {
    fn from(counts: &ItemCounts) -> Self {
        Self {
            total: counts.total,
            done: counts.done,
            failed: counts.failed,
        }
    }
}

/// How items of a list stand now, of those that the reader asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemsInView {
    /// The id of the list's node.
    pub node: String,
    /// Each replaces what was said of the item before. Those that were not told have not begun.
    pub items: Vec<ItemStands>,
}

/// How an item of a list stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemStands {
    /// Its place in the list, from 0.
    pub index: u32,
    /// Where it stands.
    pub status: NodeStatus,
    /// The number of its last attempt, from 1; absent where it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<usize>,
    /// When its first attempt began.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
    /// What all its attempts cost so far, USD.
    pub cost_usd: Decimal,
    /// Until when it waits, where it does.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub until: Option<Timestamp>,
    /// Why it failed, or what it waits out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

impl ItemStands {
    pub(crate) fn of(index: u32, row: &NodeRow) -> Self {
        let waits = row.status == NodeStatus::Waiting;
        Self {
            index,
            status: row.status,
            attempt: Some(attempt_of(row)).filter(|attempt| *attempt > 0),
            started_at: row.started_at,
            ended_at: row.ended_at,
            cost_usd: row.cost_usd,
            until: row.wait_until.filter(|_| waits),
            error: row.error.clone(),
        }
    }
}

/// What is known of an answer, besides its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerIs {
    /// How large the node's variable is, as JSON.
    pub bytes: usize,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider that it ran at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written, reasoning included.
    pub completion_tokens: u64,
}

impl From<&Answer> for AnswerIs {
    fn from(answer: &Answer) -> Self {
        Self {
            bytes: answer.bytes,
            model: answer.model.clone(),
            provider: answer.provider.clone(),
            finish_reason: answer.finish_reason.clone(),
            prompt_tokens: answer.prompt_tokens,
            completion_tokens: answer.completion_tokens,
        }
    }
}

/// Which of an attempt's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    /// What the model thinks before it answers.
    Reasoning,
    /// The answer.
    Text,
}

impl From<PieceKind> for TextKind {
    fn from(kind: PieceKind) -> Self {
        match kind {
            PieceKind::Reasoning => Self::Reasoning,
            PieceKind::Text => Self::Text,
        }
    }
}

/// A piece of what a model writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextPiece {
    /// The node whose text it is.
    pub node: String,
    /// The number of its attempt, from 1.
    pub attempt: usize,
    /// Which of the attempt's texts.
    pub kind: TextKind,
    /// Where the piece begins: bytes of the whole text (UTF-8). 0 begins the text anew.
    pub from: u64,
    /// The piece.
    pub text: String,
}

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunEnds {
    /// UUIDv7.
    pub run_id: String,
    /// Any status but `RUNNING`.
    pub status: RunStatus,
    /// 1, and one more each time it was resumed.
    pub take: u32,
    /// What it cost as far as that is known by now, USD.
    pub cost_usd: Decimal,
    /// When it ended.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

impl RunBegins {
    pub(crate) fn of(run_id: &str, head: &LiveHead, nodes: usize) -> Self {
        Self {
            run_id: run_id.to_owned(),
            workflow_id: head.workflow_id.clone(),
            status: head.status,
            take: head.execution,
            nodes,
            started_at: head.started_at,
        }
    }
}

impl RunEnds {
    pub(crate) fn of(run_id: &str, head: &LiveHead, cost_usd: Decimal) -> Self {
        Self {
            run_id: run_id.to_owned(),
            status: head.status,
            take: head.execution,
            cost_usd,
            ended_at: head.ended_at,
            error: head.error.clone(),
        }
    }
}

impl NodeStands {
    /// A node that was not executed, and never will be in this take of the run.
    pub(crate) fn skipped(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            status: NodeStatus::Skipped,
            attempt: None,
            started_at: None,
            ended_at: None,
            items: None,
            cost_usd: Decimal::ZERO,
            waiting_for: None,
            until: None,
            error: None,
            handled: false,
            reused_from: None,
            answer: None,
            text_at: None,
        }
    }
}

impl From<&NodeRow> for NodeStands {
    fn from(row: &NodeRow) -> Self {
        let waits = row.status == NodeStatus::Waiting;
        let waiting = row.waiting.filter(|_| waits);
        Self {
            node: row.id.clone(),
            status: row.status,
            attempt: Some(attempt_of(row)).filter(|attempt| *attempt > 0),
            started_at: row.started_at,
            ended_at: row.ended_at,
            items: row.items.as_ref().map(ItemsStand::from),
            cost_usd: row.cost_usd,
            waiting_for: waiting.map(|waiting| waiting.as_str().to_owned()),
            until: row.wait_until.filter(|_| waits),
            error: row.error.clone(),
            handled: row.handled,
            reused_from: row.reused_from.clone(),
            answer: row.answer.as_ref().map(AnswerIs::from),
            text_at: None,
        }
    }
}

/// The number of the attempt whose answer the node has, else that of its last one; 0 where it was not tried.
pub(crate) fn attempt_of(row: &NodeRow) -> usize {
    let of_answer = row.answer.as_ref().map_or(0, |answer| answer.attempt);
    if row.status == NodeStatus::Succeeded && of_answer > 0 {
        of_answer
    } else {
        row.tried
    }
}

impl Event {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Nodes(_) => "nodes",
            Self::Items(_) => "items",
            Self::Text(_) => "text",
            Self::End(_) => "end",
        }
    }

    /// Its data as JSON, on one line.
    ///
    /// # Errors
    /// The serializer's.
    pub fn data(&self) -> serde_json::Result<String> {
        match self {
            Self::Run(run) => serde_json::to_string(run),
            Self::Nodes(nodes) => serde_json::to_string(nodes),
            Self::Items(items) => serde_json::to_string(items),
            Self::Text(text) => serde_json::to_string(text),
            Self::End(end) => serde_json::to_string(end),
        }
    }
}

/// An event, with the cursor that holds after it.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The event.
    pub event: Event,
    /// The cursor.
    pub id: String,
}

impl News {
    /// As a server-sent event.
    ///
    /// # Errors
    /// The serializer's.
    pub fn sse(&self) -> serde_json::Result<String> {
        let (name, id, data) = (self.event.name(), &self.id, self.event.data()?);
        Ok(format!("event: {name}\nid: {id}\ndata: {data}\n\n"))
    }
}
