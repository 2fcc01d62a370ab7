//! A run with its nodes as the API shows it, and as it is posted to a callback address.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_live::ItemsStand;
use steps_problem::{Fault, LARGEST_ANSWER, Problem, answer_bytes};
use steps_store::{
    Attempt, ByHand, Error, NodeRecord, NodeRow, NodeStatus, Nodes, RerunOf, Run, RunError,
    RunStatus, Store, Unit, Usage, millis,
};
use steps_workflow::{Node, Workflow};

fn first() -> u32 {
    1
}

/// A run with its nodes, in the words of the HTTP API.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// UUIDv7.
    pub id: String,
    /// The workflow it runs.
    pub workflow_id: String,
    /// The workflow's version.
    pub version: u64,
    /// Where it stands.
    pub status: RunStatus,
    /// Its take: 1, and one more each time it was resumed.
    pub execution: u32,
    /// Which of the take's executions in Step Functions it is at: 1, and one more each time it was handed over.
    #[serde(default = "first")]
    pub part: u32,
    /// The run that it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<RerunOf>,
    /// What started it.
    pub trigger: String,
    /// The trigger's input; `null` where it is too large to show, and where it was erased.
    pub input: Value,
    /// Once it has succeeded: the variables of the nodes that no other node depends on.
    pub output: Option<BTreeMap<String, Value>>,
    /// Every node of the workflow, in the document's order.
    pub nodes: Vec<NodeView>,
    /// Spent so far, USD.
    pub cost_usd: Decimal,
    /// What all attempts of all nodes used so far.
    pub usage: Usage,
    /// Why it did not succeed.
    pub error: Option<RunError>,
    /// What was likely to go wrong, found before it started.
    pub warnings: Vec<Fault>,
    /// When it began to wait for others of its workflow, where it did.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub queued_at: Option<Timestamp>,
    /// When it started; of a run that waits: since when.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
    /// When its texts were erased, where they were: its input is `null` then, and so are all outputs.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub erased_at: Option<Timestamp>,
}

/// A node of a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Its id in the workflow.
    pub id: String,
    /// What templates call it.
    pub variable_name: String,
    /// The place in its list, from 0, where it is an item of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Where it stands.
    pub status: NodeStatus,
    /// How the items of its list stand, where it is executed for each item of one. `GET /runs/{id}/nodes/{node}/items` shows
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsStand>,
    /// Its variable. Where it does not fit into the answer, `text` is `null` and `textAt` is the path that shows it.
    pub output: Option<Value>,
    /// A piece of the output, where one was asked for by `offset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_piece: Option<OutputPiece>,
    /// Every try, the first one first.
    pub attempts: Vec<Attempt>,
    /// The path that shows the tries, where they do not fit into the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_at: Option<String>,
    /// Why it failed, or what it waits out.
    pub error: Option<Problem>,
    /// What all its attempts cost, USD.
    pub cost_usd: Decimal,
    /// What all its attempts used; absent where that is not known of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// When the first attempt began.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub started_at: Option<Timestamp>,
    /// When it succeeded or failed.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
    /// What it waits for: `RETRY` is its next attempt, `TIME` a time, `SIGNAL` a signal, `APPROVAL` a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// What is asked of whoever decides, where it waits for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Value>,
    /// Until when it waits, at the latest.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub wait_until: Option<Timestamp>,
    /// The run whose answer this is, where it was reused and not paid for again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused_from: Option<String>,
    /// Who gave it its output by hand, and when; absent where nobody has. It is settled with that output once it is
    /// SUCCEEDED.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<ByHand>,
}

/// Some items of a node's list, in its order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ItemPage {
    /// Those that have begun.
    pub items: Vec<NodeView>,
    /// The `cursor` of the next page; `null` for the last one.
    pub cursor: Option<String>,
}

impl ItemPage {
    /// Up to `limit` items of a node's list, with their outputs as far as they fit into the answer.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::BadCursor`].
    pub async fn read(
        store: &Store,
        (run_id, node_id): (&str, &str),
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Self, Error> {
        let run = store.runs().get(run_id).await?;
        let workflow = run.document(Workflow::from_stored)?;
        let node = workflow.node(node_id).ok_or_else(|| run.no_node(node_id))?;
        let nodes = store.nodes();
        let page = nodes.items(run_id, node_id, limit, cursor).await?;
        let mut attempts_left = ATTEMPT_BYTES;
        let mut left = SHOWN_BYTES;
        let mut items = Vec::with_capacity(page.rows.len());
        for record in &page.rows {
            let mut view = NodeView::of(&run, node, Some(record), &mut attempts_left);
            view.output = shown_output(&nodes, run_id, record, &mut left, 1).await?;
            items.push(view);
        }
        Ok(Self {
            items,
            cursor: page.cursor,
        })
    }
}

/// A piece of a node's output. All pieces, joined in their order, are the output as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutputPiece {
    /// Where it begins: bytes of the output's JSON text in UTF-8.
    pub offset: usize,
    /// The `offset` of the next piece; `null` for the last one.
    pub next: Option<usize>,
    /// How many bytes the output's JSON text has.
    pub bytes: usize,
    /// The piece.
    pub json: String,
}

/// Most bytes of node outputs in one answer, and of a run's input, as Lambda counts them.
pub const SHOWN_BYTES: usize = 2_000_000;

/// Most bytes of the nodes' attempts in the answer of a run, as Lambda counts them.
const ATTEMPT_BYTES: usize = 1_000_000;

/// Left free in an answer for what is not measured: the paths of outputs that do not fit, and their small fields.
const MARGIN: usize = 400_000;

/// Most bytes of one piece of an output, as Lambda counts them.
const PIECE_BYTES: usize = 4_000_000;

impl RunView {
    /// The run with all its nodes.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn read(store: &Store, id: &str) -> Result<Self, Error> {
        let store = store.nodes();
        let (run, records) = store.of_run(id).await?;
        let workflow = run.document(Workflow::from_stored)?;
        let mut attempts_left = ATTEMPT_BYTES;
        let nodes = workflow
            .nodes
            .iter()
            .map(|node| NodeView::of(&run, node, records.get(&node.id), &mut attempts_left))
            .collect();
        let is_large = size(&run.texts.input) > SHOWN_BYTES;
        let mut view = Self {
            id: run.id,
            workflow_id: run.workflow_id,
            version: run.version,
            status: run.status,
            execution: run.execution,
            part: run.part.number,
            rerun_of: run.rerun_of,
            trigger: run.trigger,
            input: if is_large || run.erased_at.is_some() {
                Value::Null
            } else {
                run.texts.input.clone()
            },
            output: None,
            nodes,
            cost_usd: run.cost_usd,
            usage: run.usage,
            error: run.error,
            warnings: run.texts.warnings.clone(),
            queued_at: run.queued_at,
            started_at: run.started_at,
            ended_at: run.ended_at,
            erased_at: run.erased_at,
        };
        let sinks = workflow.sinks();
        let is_output = |node: &NodeView| {
            view.status == RunStatus::Succeeded && sinks.iter().any(|sink| sink.id == node.id)
        };
        let mut outputs = BTreeMap::new();
        let mut left = SHOWN_BYTES.min(room(&view));
        let mut shown = Vec::with_capacity(view.nodes.len());
        for node in &view.nodes {
            // An output of the run stands in the answer twice.
            let times = if is_output(node) { 2 } else { 1 };
            let output = match records.get(&node.id) {
                Some(record) => shown_output(&store, &view.id, record, &mut left, times).await?,
                None => None,
            };
            if is_output(node) {
                let output = output.clone().unwrap_or_default();
                outputs.insert(node.variable_name.clone(), output);
            }
            shown.push(output);
        }
        let has_output = view.status == RunStatus::Succeeded && view.erased_at.is_none();
        view.output = has_output.then_some(outputs);
        for (node, output) in view.nodes.iter_mut().zip(shown) {
            node.output = output;
        }
        Ok(view)
    }
}

impl RunView {
    /// The run with how its nodes stand, and without a single text: no input, no outputs, no attempts.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn read_without_texts(store: &Store, id: &str) -> Result<Self, Error> {
        let run = store.live().run(id).await?;
        let workflow = run.document(Workflow::from_stored)?;
        let mut rows = by_id(store.nodes().rows(id).await?);
        for (node, list) in store.live().lists(id).await? {
            if let Some(row) = rows.get_mut(&node) {
                row.count(&list);
            }
        }
        let nodes = workflow.nodes.iter();
        let nodes = nodes.map(|node| NodeView::of_row(&run, node, rows.get(&node.id)));
        Ok(Self {
            nodes: nodes.collect(),
            id: run.id,
            workflow_id: run.workflow_id,
            version: run.version,
            status: run.status,
            execution: run.execution,
            part: run.part.number,
            rerun_of: run.rerun_of,
            trigger: run.trigger,
            input: Value::Null,
            output: None,
            cost_usd: run.cost_usd,
            usage: run.usage,
            error: run.error,
            warnings: run.texts.warnings.clone(),
            started_at: run.started_at,
            queued_at: run.queued_at,
            ended_at: run.ended_at,
            erased_at: run.erased_at,
        })
    }
}

fn by_id(rows: Vec<NodeRow>) -> BTreeMap<String, NodeRow> {
    let rows = rows.into_iter().map(|row| (row.id.clone(), row));
    rows.collect()
}

/// Where a node stands; and why it failed, where its record does not say so: its function has died, or an item of its list has
/// ended the run.
fn stands(run: &Run, node: &Node, recorded: Option<&NodeRow>) -> (NodeStatus, Option<Problem>) {
    let ended = run.status.has_ended();
    let Some(recorded) = recorded else {
        let status = if ended {
            NodeStatus::Skipped
        } else {
            NodeStatus::Pending
        };
        return (status, None);
    };
    match recorded.status {
        NodeStatus::Waiting if ended => (NodeStatus::Skipped, None),
        NodeStatus::Running if ended && recorded.is_open() => {
            let error = run.error.as_ref();
            let own = error.filter(|error| error.node.as_ref() == Some(&node.id));
            match own {
                Some(error) => (NodeStatus::Failed, Some(error.problem.clone())),
                None => (NodeStatus::Skipped, None),
            }
        }
        NodeStatus::Running
            if ended
                && recorded
                    .lease_until
                    .is_none_or(|until| until < Timestamp::now()) =>
        {
            (NodeStatus::Failed, Some(node_lost()))
        }
        status => (status, None),
    }
}

/// How many bytes a value has in an answer, as Lambda counts them.
fn size(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |text| answer_bytes(&text))
}

/// How many bytes an answer that holds this may still take.
fn room(value: &impl Serialize) -> usize {
    LARGEST_ANSWER.saturating_sub(MARGIN.saturating_add(size(value)))
}

impl NodeView {
    /// A node, or an item of its list, with its whole output, where that fits into an answer.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn read(store: &Store, run_id: &str, unit: &str) -> Result<Self, Error> {
        let (mut view, record) = Self::without_output(store, run_id, unit).await?;
        if let Some(record) = record {
            let mut left = room(&view);
            view.output = shown_output(&store.nodes(), run_id, &record, &mut left, 1).await?;
            if let Some(Value::String(at)) =
                view.output.as_mut().and_then(|it| it.get_mut("textAt"))
            {
                at.push_str("?offset=0");
            }
        }
        Ok(view)
    }

    /// The same with the piece of its output that begins at this byte; without one where it has no output.
    ///
    /// # Errors
    /// [`Error::NotFound`], and `InvalidRequest` for an offset that no piece begins at.
    pub async fn read_piece(
        store: &Store,
        run_id: &str,
        unit: &str,
        offset: usize,
    ) -> Result<Self, Problem> {
        let (mut view, record) = Self::without_output(store, run_id, unit).await?;
        let output = match record {
            Some(record) => store.nodes().output(&record).await?,
            None => None,
        };
        view.output_piece = output
            .map(|output| OutputPiece::of(&output.to_string(), offset))
            .transpose()?;
        Ok(view)
    }

    async fn without_output(
        store: &Store,
        run_id: &str,
        unit: &str,
    ) -> Result<(Self, Option<NodeRecord>), Error> {
        let run = store.runs().get(run_id).await?;
        let workflow = run.document(Workflow::from_stored)?;
        let node_id = Unit::of(unit).node();
        let node = workflow.node(node_id).ok_or_else(|| run.no_node(node_id))?;
        let record = store.nodes().get_counted(run_id, unit).await?;
        if record.is_none() && Unit::of(unit).index().is_some() {
            return Err(run.no_node(unit));
        }
        let mut no_limit = usize::MAX;
        let view = Self::of(&run, node, record.as_ref(), &mut no_limit);
        Ok((view, record))
    }

    /// The node without its output, and with its attempts as far as they fit into what is left.
    fn of(run: &Run, node: &Node, record: Option<&NodeRecord>, attempts_left: &mut usize) -> Self {
        let mut attempts = record
            .map(|record| record.attempts.clone())
            .unwrap_or_default();
        let mut attempts_at = None;
        match attempts_left.checked_sub(size(&attempts)) {
            Some(left) => *attempts_left = left,
            None => {
                attempts.clear();
                attempts_at = Some(path(&run.id, record.map_or(&node.id, |record| &record.id)));
            }
        }
        Self {
            index: record.and_then(|record| Unit::of(&record.id).index()),
            attempts,
            attempts_at,
            usage: record.and_then(NodeRecord::usage),
            asks: record
                .filter(|record| record.status == NodeStatus::Waiting)
                .and_then(|record| record.pause.as_ref()?.shown.clone()),
            by_hand: record.and_then(|record| record.by_hand.clone()),
            ..Self::of_row(run, node, record.map(|record| &record.row))
        }
    }

    /// The node without any text.
    fn of_row(run: &Run, node: &Node, row: Option<&NodeRow>) -> Self {
        let (status, ended_by) = stands(run, node, row);
        let tried = row.is_some_and(|row| row.tried > 0);
        let waits = row.filter(|row| row.status == NodeStatus::Waiting);
        Self {
            id: node.id.clone(),
            variable_name: node.variable_name.clone(),
            index: None,
            status,
            items: row.and_then(|row| row.items.as_ref()).map(ItemsStand::from),
            output: None,
            output_piece: None,
            attempts: Vec::new(),
            attempts_at: tried.then(|| path(&run.id, &node.id)),
            error: ended_by.or_else(|| row.and_then(|row| row.error.clone())),
            cost_usd: row.map(|row| row.cost_usd).unwrap_or_default(),
            usage: None,
            started_at: row.and_then(|row| row.started_at),
            ended_at: row.and_then(|row| row.ended_at),
            waiting_for: waits
                .and_then(|row| row.waiting)
                .map(|waiting| waiting.as_str().to_owned()),
            asks: None,
            wait_until: waits.and_then(|row| row.wait_until),
            reused_from: row.and_then(|row| row.reused_from.clone()),
            by_hand: None,
        }
    }
}

/// The output as far as it fits into what is left, in which it takes `times` its size.
async fn shown_output(
    store: &Nodes,
    run_id: &str,
    record: &NodeRecord,
    left: &mut usize,
    times: usize,
) -> Result<Option<Value>, Error> {
    let place = || json!({ "text": null, "textAt": path(run_id, &record.id) });
    // What is too large to show is not even read from S3.
    if record.output_bytes().is_some_and(|bytes| bytes > *left) {
        return Ok(Some(place()));
    }
    let Some(mut output) = store.output(record).await? else {
        return Ok(None);
    };
    let size = size(&output).saturating_mul(times);
    if size <= *left {
        *left -= size;
        return Ok(Some(output));
    }
    // Of an answer the small fields are shown. Of a value of any other shape only the place where it can be read is
    // shown.
    match (&mut output, place()) {
        (Value::Object(fields), Value::Object(place)) => {
            fields.retain(|name, _| {
                matches!(
                    name.as_str(),
                    "model" | "provider" | "finishReason" | "usage" | "costUsd" | "generationId"
                )
            });
            fields.extend(place);
            Ok(Some(output))
        }
        (_, place) => Ok(Some(place)),
    }
}

fn path(run_id: &str, unit: &str) -> String {
    let unit = Unit::of(unit);
    let node = format!("/runs/{run_id}/nodes/{}", unit.node());
    match unit.index() {
        Some(index) => format!("{node}/items/{index}"),
        None => node,
    }
}

impl OutputPiece {
    /// The piece of this JSON text that begins at `offset`.
    fn of(json: &str, offset: usize) -> Result<Self, Problem> {
        let rest = json.get(offset..).ok_or_else(|| bad_offset(offset))?;
        let mut size = 0_usize;
        let end = rest.char_indices().find_map(|(at, character)| {
            // In the answer it is a JSON text within a JSON text.
            size += match character {
                '"' | '\\' => 4,
                other => other.len_utf8(),
            };
            (size > PIECE_BYTES).then_some(at)
        });
        let (piece, _) = rest.split_at(end.unwrap_or(rest.len()));
        Ok(Self {
            offset,
            next: end.map(|end| offset + end),
            bytes: json.len(),
            json: piece.to_owned(),
        })
    }
}

fn bad_offset(offset: usize) -> Problem {
    Problem::new(
        400,
        "InvalidRequest",
        "Invalid Request",
        format!("no piece of the output begins at `offset` {offset}"),
    )
    .solution(["Begin with `offset` 0, and go on with the `next` of each answer"])
}

/// The function died and the run has ended: the node's end will never be written.
fn node_lost() -> Problem {
    Problem::new(
        500,
        "NodeLost",
        "Node Lost",
        "the function that worked on the node died, and the run ended before another one took it over",
    )
    .solution([
        "Resume the run with POST /runs/{id}/resume",
        "Look for the function's last lines in the logs of execute-node",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_an_output_fit_into_an_answer_and_join_to_the_output() {
        for text in [
            "short".to_owned(),
            "\u{1f419} word ".repeat(600_000),
            "\"\\".repeat(1_500_000),
        ] {
            let json = json!({ "text": text }).to_string();
            let mut joined = String::new();
            let mut next = Some(0);
            while let Some(offset) = next {
                let piece = OutputPiece::of(&json, offset).unwrap();
                assert!(size(&piece) < LARGEST_ANSWER - MARGIN, "{}", size(&piece));
                assert_eq!(piece.bytes, json.len());
                joined.push_str(&piece.json);
                next = piece.next;
            }
            assert_eq!(joined, json);
        }
    }

    #[test]
    fn an_offset_within_a_character_or_past_the_end_is_refused() {
        let json = json!("\u{1f419}").to_string();
        assert!(OutputPiece::of(&json, json.len()).is_ok());
        for offset in [2, 3, json.len() + 1, usize::MAX] {
            assert_eq!(
                OutputPiece::of(&json, offset).unwrap_err().code,
                "InvalidRequest"
            );
        }
    }
}
