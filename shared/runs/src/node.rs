//! Nodes of a run, as they are recorded.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_problem::Problem;
use steps_usage::Usage;

use crate::attribute::{Item, find_decimal, find_n, find_nested, find_s, find_time, get_s, s};
use crate::run::{BODY, RUN, not_found, run_key};
use crate::store::key;
use crate::transaction::sleep_around;
use crate::{Error, Reserved, Run, Store};

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The run ended before it began.
    Skipped,
}

impl NodeStatus {
    pub(crate) fn as_str(self) -> &'static str {
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
        [Self::Running, Self::Waiting, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// One try at a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attempt {
    /// The number of the run's execution that it belongs to; absent for the first.
    #[serde(skip_serializing_if = "is_first")]
    pub execution: u32,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// When it ended; absent while it goes on, and for one that was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// OpenRouter's id of the generation, as soon as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation_id: Option<String>,
    /// What OpenRouter charged for it, USD; absent while it is not known.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
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
            started_at: String::new(),
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
    /// The node's id in the workflow.
    pub id: String,
    /// The number of the run's execution that worked on it last.
    pub execution: u32,
    /// Where it stands; never [`NodeStatus::Pending`] or [`NodeStatus::Skipped`], which have no record.
    pub status: NodeStatus,
    /// Every try, the first one first.
    pub attempts: Vec<Attempt>,
    /// Why it failed for good, or what it waits out.
    pub error: Option<Problem>,
    /// What all its attempts cost, USD.
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
    pub(crate) output: Option<AttributeValue>,
}

impl NodeRecord {
    /// What all its attempts used; `None` where none is known to have used anything.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let known = self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.usage.as_ref());
        known.fold(None, |sum: Option<Usage>, usage| {
            Some(sum.unwrap_or_default().plus(usage))
        })
    }

    /// How large its variable is, where it lies in S3.
    pub(crate) fn output_bytes(&self) -> Option<usize> {
        let place = self.output.as_ref()?.as_m().ok()?;
        find_n(place, "bytes")
    }

    /// How long until it may be claimed for this execution of the run; zero where it may be now. `None` where it has
    /// ended. What failed or waits in an earlier execution may be claimed at once.
    pub fn claimable_in(&self, execution: u32, now: Timestamp) -> Option<Duration> {
        let earlier = self.execution < execution;
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

/// All that a function needs to work on one node, from one read.
#[derive(Debug)]
pub struct Work {
    /// The run.
    pub run: Run,
    /// The node's own record, where it has begun before.
    pub node: Option<NodeRecord>,
    /// The outputs of the nodes it needs, by id.
    pub outputs: BTreeMap<String, Value>,
}

pub(crate) const NODE: &str = "NODE#";

pub(crate) fn node_key(id: &str) -> String {
    format!("{NODE}{id}")
}

/// The node of a sort key; `None` for the run's own items.
pub(crate) fn node_id(sk: &str) -> Option<&str> {
    sk.strip_prefix(NODE)
}

impl Store {
    /// The run, the node's own record and the outputs of the nodes it `needs`, in one read (of up to 100 items).
    pub async fn work(&self, run_id: &str, node_id: &str, needs: &[String]) -> Result<Work, Error> {
        let pk = run_key(run_id);
        let mut keys = vec![key(&pk, RUN), key(&pk, BODY), key(&pk, &node_key(node_id))];
        keys.extend(needs.iter().map(|need| key(&pk, &node_key(need))));
        let mut items: HashMap<String, Item> = HashMap::new();
        for batch in keys.chunks(100) {
            for item in self.batch_get(batch.to_vec()).await? {
                items.insert(get_s(&item, "sk")?.to_owned(), item);
            }
        }
        let run = match (items.get(RUN), items.get(BODY)) {
            (Some(head), Some(body)) => self.read_run(head, body).await?,
            _ => return Err(not_found(run_id)),
        };
        let node = items.get(&node_key(node_id)).map(read_node).transpose()?;
        let needed = try_join_all(needs.iter().map(|need| async {
            let item = items.get(&node_key(need));
            let record = item.map(read_node).transpose()?;
            let output = match &record {
                Some(record) => self.output(record).await?,
                None => None,
            };
            match output {
                Some(output) => Ok((need.clone(), output)),
                None => Err(Error::NotFound {
                    what: "node",
                    id: need.clone(),
                }),
            }
        }))
        .await?;
        Ok(Work {
            run,
            node,
            outputs: needed.into_iter().collect(),
        })
    }

    pub(crate) async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, Error> {
        let mut items = Vec::with_capacity(keys.len());
        let mut asked = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|_| Error::Malformed { attribute: "keys" })?;
        loop {
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, asked)
                .send()
                .await
                .map_err(Error::dynamodb)?;
            items.extend(
                answer
                    .responses
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, items)| items),
            );
            match answer
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.table)
            {
                Some(rest) => asked = rest,
                None => return Ok(items),
            }
            sleep_around(50).await;
        }
    }

    /// A run and the records of its nodes, by id.
    pub async fn run_with_nodes(
        &self,
        id: &str,
    ) -> Result<(Run, BTreeMap<String, NodeRecord>), Error> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(run_key(id)))
            .into_paginator()
            .items()
            .send();
        let (mut head, mut body) = (None, None);
        let mut nodes = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(Error::dynamodb)?;
            match get_s(&item, "sk")? {
                RUN => head = Some(item),
                BODY => body = Some(item),
                _ => {
                    let node = read_node(&item)?;
                    nodes.insert(node.id.clone(), node);
                }
            }
        }
        match (head, body) {
            (Some(head), Some(body)) => Ok((self.read_run(&head, &body).await?, nodes)),
            _ => Err(not_found(id)),
        }
    }

    /// One node's record, or `None` where it has not begun.
    pub async fn node(&self, run_id: &str, node_id: &str) -> Result<Option<NodeRecord>, Error> {
        let item = self.get(&run_key(run_id), &node_key(node_id)).await?;
        item.as_ref().map(read_node).transpose()
    }

    /// A node's variable, where it has succeeded.
    pub async fn output(&self, node: &NodeRecord) -> Result<Option<Value>, Error> {
        let Some(kept) = &node.output else {
            return Ok(None);
        };
        let text = self.texts.fetch(kept, "output").await?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|_| Error::Malformed {
                attribute: "output",
            })
    }
}

pub(crate) fn read_node(item: &Item) -> Result<NodeRecord, Error> {
    let sk = get_s(item, "sk")?;
    Ok(NodeRecord {
        id: node_id(sk).unwrap_or(sk).to_owned(),
        execution: find_n(item, "execution").unwrap_or(1),
        status: NodeStatus::parse(get_s(item, "status")?).ok_or(Error::Malformed {
            attribute: "status",
        })?,
        attempts: find_nested(item, "attempts")?.unwrap_or_default(),
        error: find_nested(item, "error")?,
        cost_usd: find_decimal(item, "costUsd").unwrap_or_default(),
        started_at: find_time(item, "startedAt"),
        ended_at: find_time(item, "endedAt"),
        lease_until: find_time(item, "leaseUntil"),
        wait_until: find_time(item, "waitUntil"),
        reused_from: find_s(item, "reusedFrom").map(str::to_owned),
        output: item.get("output").cloned(),
    })
}
