//! A run with its nodes as the API shows it, and as it is posted to a callback address.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_problem::{Fault, Problem};
use steps_store::{
    Attempt, Error, NodeRecord, NodeStatus, Nodes, RerunOf, Run, RunError, RunStatus, Store, Usage,
    millis,
};
use steps_workflow::{Node, Workflow};

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
    /// The number of its execution: 1, and one more each time it was resumed.
    pub execution: u32,
    /// The run that it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<RerunOf>,
    /// What started it.
    pub trigger: String,
    /// The trigger's input; `null` where it is too large to show.
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
    /// When it started.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
}

/// A node of a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Its id in the workflow.
    pub id: String,
    /// What templates call it.
    pub variable_name: String,
    /// Where it stands.
    pub status: NodeStatus,
    /// Its variable. Past [`SHOWN_BYTES`] in one answer `text` is `null` and `textAt` is the path that shows it.
    pub output: Option<Value>,
    /// Every try, the first one first.
    pub attempts: Vec<Attempt>,
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
    /// Until when it waits.
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
}

/// Most bytes of node outputs in one answer; Lambda's own limit is 6 MB.
pub const SHOWN_BYTES: usize = 2_000_000;

impl RunView {
    /// The run with all its nodes.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn read(store: &Store, id: &str) -> Result<Self, Error> {
        let store = store.nodes();
        let (run, records) = store.of_run(id).await?;
        let workflow = run.document(Workflow::from_stored)?;
        let mut left = SHOWN_BYTES;
        let mut nodes = Vec::with_capacity(workflow.nodes.len());
        for node in &workflow.nodes {
            let record = records.get(&node.id);
            nodes.push(NodeView::of(&store, &run, node, record, &mut left).await?);
        }
        let output = (run.status == RunStatus::Succeeded).then(|| {
            let sinks = workflow.sinks();
            nodes
                .iter()
                .filter(|node| sinks.iter().any(|sink| sink.id == node.id))
                .map(|node| {
                    let output = node.output.clone().unwrap_or_default();
                    (node.variable_name.clone(), output)
                })
                .collect()
        });
        let large = run.texts.input.to_string().len() > SHOWN_BYTES;
        Ok(Self {
            id: run.id,
            workflow_id: run.workflow_id,
            version: run.version,
            status: run.status,
            execution: run.execution,
            rerun_of: run.rerun_of,
            trigger: run.trigger,
            input: if large {
                Value::Null
            } else {
                run.texts.input.clone()
            },
            output,
            nodes,
            cost_usd: run.cost_usd,
            usage: run.usage,
            error: run.error,
            warnings: run.texts.warnings.clone(),
            started_at: run.started_at,
            ended_at: run.ended_at,
        })
    }
}

impl NodeView {
    /// One node with its whole output.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn read(store: &Store, run_id: &str, node_id: &str) -> Result<Self, Error> {
        let run = store.runs().get(run_id).await?;
        let workflow = run.document(Workflow::from_stored)?;
        let node = workflow.node(node_id).ok_or_else(|| run.no_node(node_id))?;
        let store = store.nodes();
        let record = store.get(run_id, node_id).await?;
        let mut no_limit = usize::MAX;
        Self::of(&store, &run, node, record.as_ref(), &mut no_limit).await
    }

    async fn of(
        store: &Nodes,
        run: &Run,
        node: &Node,
        record: Option<&NodeRecord>,
        left: &mut usize,
    ) -> Result<Self, Error> {
        let output = match record {
            Some(record) => shown_output(store, &run.id, record, left).await?,
            None => None,
        };
        let ended = run.status != RunStatus::Running;
        let lost = record.is_some_and(|record| {
            ended
                && record.status == NodeStatus::Running
                && record
                    .lease_until
                    .is_none_or(|until| until < Timestamp::now())
        });
        let waits = record.filter(|record| record.status == NodeStatus::Waiting);
        let status = match record.map(|record| record.status) {
            None | Some(NodeStatus::Waiting) if ended => NodeStatus::Skipped,
            Some(NodeStatus::Running) if lost => NodeStatus::Failed,
            None => NodeStatus::Pending,
            Some(status) => status,
        };
        Ok(Self {
            id: node.id.clone(),
            variable_name: node.variable_name.clone(),
            status,
            output,
            attempts: record
                .map(|record| record.attempts.clone())
                .unwrap_or_default(),
            error: if lost {
                Some(node_lost())
            } else {
                record.and_then(|record| record.error.clone())
            },
            cost_usd: record.map(|record| record.cost_usd).unwrap_or_default(),
            usage: record.and_then(NodeRecord::usage),
            started_at: record.and_then(|record| record.started_at),
            ended_at: record.and_then(|record| record.ended_at),
            wait_until: waits.and_then(|record| record.wait_until),
            reused_from: record.and_then(|record| record.reused_from.clone()),
        })
    }
}

async fn shown_output(
    store: &Nodes,
    run_id: &str,
    record: &NodeRecord,
    left: &mut usize,
) -> Result<Option<Value>, Error> {
    let place = || {
        let path = format!("/runs/{run_id}/nodes/{}", record.id);
        Some(json!({ "text": null, "textAt": path }))
    };
    // What is too large to show is not even read from S3.
    if record.output_bytes().is_some_and(|bytes| bytes > *left) {
        return Ok(place());
    }
    let Some(mut output) = store.output(record).await? else {
        return Ok(None);
    };
    let size = output.to_string().len();
    if size <= *left {
        *left -= size;
        return Ok(Some(output));
    }
    // Of an answer the small fields are shown. Of a value of any other shape only the place where it can be read is
    // shown.
    match (&mut output, place()) {
        (Value::Object(fields), Some(Value::Object(place))) => {
            fields.retain(|name, _| {
                matches!(
                    name.as_str(),
                    "model" | "provider" | "finishReason" | "usage" | "costUsd" | "generationId"
                )
            });
            fields.extend(place);
            Ok(Some(output))
        }
        (_, place) => Ok(place),
    }
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
