//! Nodes of a run: claimed under a lease, settled once.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure, Update,
};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_problem::Problem;
use uuid::Uuid;

use crate::attribute::{
    Item, find_decimal, find_nested, find_time, get_s, n, nested, rfc3339, s, time,
};
use crate::run::{RunError, condition_failed, run_key};
use crate::store::key;
use crate::transaction::{Transacted, sleep_around};
use crate::{Error, Run, Store, Usage};

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
        [Self::Running, Self::Waiting, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// One try at a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attempt {
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
    /// What it may cost at most, taken from the run's budget until its end is written, USD.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
    pub reserved_usd: Option<Decimal>,
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

/// A node as recorded.
#[derive(Debug, Clone)]
pub struct NodeRecord {
    /// The node's id in the workflow.
    pub id: String,
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
    output: Option<AttributeValue>,
}

impl NodeRecord {
    /// How long until it may be claimed; zero where it may be now. `None` where it has ended.
    pub fn claimable_in(&self, now: Timestamp) -> Option<Duration> {
        let at = match self.status {
            NodeStatus::Running => self.lease_until,
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

/// The right to work on a node, until the lease ends.
#[derive(Debug, Clone)]
pub struct Lease {
    run_id: String,
    node_id: String,
    owner: String,
    attempt: usize,
    reserved: Option<Decimal>,
}

impl Lease {
    /// The number of this attempt, from 1.
    pub fn attempt_number(&self) -> usize {
        self.attempt + 1
    }
}

/// What is asked for in [`Store::claim`].
#[derive(Debug)]
pub struct Claim<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The node.
    pub node_id: &'a str,
    /// Its record as it was read.
    pub seen: Option<&'a NodeRecord>,
    /// When the attempt begins.
    pub now: Timestamp,
    /// How long the lease lasts unless renewed.
    pub lease: Duration,
    /// What the attempt may cost at most, USD; taken from the run's budget until it is settled.
    pub reserve: Option<Decimal>,
}

/// The answer to [`Store::claim`].
#[derive(Debug)]
pub enum Claimed {
    /// The node is the caller's.
    Granted(Lease),
    /// Another one claimed or ended it first; its record as it is now.
    Taken(Box<NodeRecord>),
    /// The run's budget does not cover the reserve.
    OverBudget,
}

/// How an attempt ended.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// With an answer: the node's variable.
    Succeeded(&'a Value),
    /// With a failure that may pass: the next attempt begins at `until`.
    Waiting {
        /// When the next attempt begins.
        until: Timestamp,
        /// What happened.
        problem: &'a Problem,
    },
    /// With a failure that will not pass.
    Failed(&'a Problem),
}

fn node_key(id: &str) -> String {
    format!("NODE#{id}")
}

impl Store {
    /// The run, the node's own record and the outputs of the nodes it `needs`, in one read (of up to 100 items).
    pub async fn work(&self, run_id: &str, node_id: &str, needs: &[String]) -> Result<Work, Error> {
        let pk = run_key(run_id);
        let mut keys = vec![key(&pk, "RUN"), key(&pk, &node_key(node_id))];
        keys.extend(needs.iter().map(|need| key(&pk, &node_key(need))));
        let mut items: HashMap<String, Item> = HashMap::new();
        for batch in keys.chunks(100) {
            for item in self.batch_get(batch.to_vec()).await? {
                items.insert(get_s(&item, "sk")?.to_owned(), item);
            }
        }
        let run = match items.get("RUN") {
            Some(item) => self.read_run(item).await?,
            None => {
                return Err(Error::NotFound {
                    what: "run",
                    id: run_id.to_owned(),
                });
            }
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
        let mut run = None;
        let mut nodes = BTreeMap::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(Error::dynamodb)?;
            if get_s(&item, "sk")? == "RUN" {
                run = Some(self.read_run(&item).await?);
            } else {
                let node = read_node(&item)?;
                nodes.insert(node.id.clone(), node);
            }
        }
        let run = run.ok_or_else(|| Error::NotFound {
            what: "run",
            id: id.to_owned(),
        })?;
        Ok((run, nodes))
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

    /// Takes the node for one attempt, as far as nobody else has since it was seen.
    pub async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, Error> {
        let owner = Uuid::now_v7().to_string();
        let attempt = Attempt {
            started_at: rfc3339(claim.now),
            reserved_usd: claim.reserve,
            ..Attempt::default()
        };
        let lease_until = claim.now + claim.lease;
        let tried = claim.seen.map_or(0, |node| node.attempts.len());
        let mut update = self
            .update(claim.run_id, &node_key(claim.node_id))
            .update_expression(
                "SET #status = :running, #owner = :owner, leaseUntil = :until, \
                 attempts = list_append(if_not_exists(attempts, :none), :attempt), \
                 startedAt = if_not_exists(startedAt, :now), expiresAt = :expires \
                 REMOVE waitUntil, #error",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":running", s(NodeStatus::Running.as_str()))
            .expression_attribute_values(":owner", s(&owner))
            .expression_attribute_values(":until", time(lease_until))
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(
                ":attempt",
                AttributeValue::L(vec![nested(&attempt, "attempts")?]),
            )
            .expression_attribute_values(":now", time(claim.now))
            .expression_attribute_values(":expires", self.expires(claim.now));
        update = match claim.seen {
            None => update.condition_expression("attribute_not_exists(pk)"),
            // Every claim adds an attempt, so the count tells whether anyone was here since;
            // a lease may also have been renewed.
            Some(_) => update
                .condition_expression(
                    "size(attempts) = :tried AND (#status = :waiting \
                     OR (#status = :running AND leaseUntil < :now))",
                )
                .expression_attribute_values(":tried", n(tried))
                .expression_attribute_values(":waiting", s(NodeStatus::Waiting.as_str())),
        };
        let mut writes =
            vec![update.return_values_on_condition_check_failure(
                ReturnValuesOnConditionCheckFailure::AllOld,
            )];
        if let Some(reserve) = claim.reserve {
            writes.push(
                self.update(claim.run_id, "RUN")
                    .update_expression("SET budgetLeftUsd = budgetLeftUsd - :reserve")
                    .condition_expression("budgetLeftUsd >= :reserve")
                    .expression_attribute_values(":reserve", n(reserve)),
            );
        }
        match self.transact(writes).await? {
            Transacted::Done => Ok(Claimed::Granted(Lease {
                run_id: claim.run_id.to_owned(),
                node_id: claim.node_id.to_owned(),
                owner,
                attempt: tried,
                reserved: claim.reserve,
            })),
            Transacted::Refused { index: 0, item } => {
                let record = match item {
                    Some(item) => Some(read_node(&item)?),
                    None => self.node(claim.run_id, claim.node_id).await?,
                };
                record
                    .map(|record| Claimed::Taken(Box::new(record)))
                    .ok_or_else(|| Error::Conflict {
                        what: "node",
                        id: claim.node_id.to_owned(),
                    })
            }
            Transacted::Refused { .. } => Ok(Claimed::OverBudget),
        }
    }

    /// Notes the generation's id while its text still arrives, so that its cost can be asked for even if this function dies.
    pub async fn note_generation(&self, lease: &Lease, generation_id: &str) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(
                &run_key(&lease.run_id),
                &node_key(&lease.node_id),
            )))
            .update_expression(format!(
                "SET attempts[{}].generationId = :generation",
                lease.attempt
            ))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":generation", s(generation_id))
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(())
    }

    /// Lengthens the lease; `false` where it was lost to another function.
    pub async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, Error> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(
                &run_key(&lease.run_id),
                &node_key(&lease.node_id),
            )))
            .update_expression("SET leaseUntil = :until")
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", s(&lease.owner))
            .expression_attribute_values(":until", time(until))
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(error.as_service_error()) => Ok(false),
            Err(error) => Err(Error::dynamodb(error)),
        }
    }

    /// Records, once, what an attempt turned out to cost whose answer did not say. `give_back` is what the run's
    /// budget gets back (less than zero: gives) for it, where the run has one.
    pub async fn recover_cost(
        &self,
        lease: &Lease,
        attempt: usize,
        cost_usd: Decimal,
        give_back: Option<Decimal>,
    ) -> Result<(), Error> {
        let node = self
            .update(&lease.run_id, &node_key(&lease.node_id))
            .update_expression(format!(
                "SET attempts[{attempt}].costUsd = :text \
                 REMOVE attempts[{attempt}].reservedUsd ADD costUsd :cost"
            ))
            .condition_expression(format!("attribute_not_exists(attempts[{attempt}].costUsd)"))
            .expression_attribute_values(":text", s(cost_usd.to_string()))
            .expression_attribute_values(":cost", n(cost_usd));
        let mut run = self
            .update(&lease.run_id, "RUN")
            .expression_attribute_values(":cost", n(cost_usd));
        run = match give_back {
            Some(back) => run
                .update_expression("ADD costUsd :cost, budgetLeftUsd :back")
                .expression_attribute_values(":back", n(back)),
            None => run.update_expression("ADD costUsd :cost"),
        };
        self.transact([node, run]).await?;
        Ok(())
    }

    /// Ends the attempt under this lease: the node's new state and what it cost, in one transaction with the run's
    /// total. An answer that comes after the node has ended another way is not stored, but its cost is counted.
    pub async fn settle(
        &self,
        lease: &Lease,
        attempt: &Attempt,
        usage: Usage,
        outcome: &Outcome<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let attempts = format!("attempts[{}] = :attempt", lease.attempt);
        let cost = attempt.cost_usd.unwrap_or_default();
        let base = || -> Result<_, Error> {
            Ok(self
                .update(&lease.run_id, &node_key(&lease.node_id))
                .expression_attribute_values(":attempt", nested(attempt, "attempts")?)
                .expression_attribute_values(":cost", n(cost)))
        };
        let named = base()?
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now", time(now));
        let node = match outcome {
            Outcome::Succeeded(output) => {
                let object = format!(
                    "runs/{}/{}.{}.json.gz",
                    lease.run_id,
                    lease.node_id,
                    lease.attempt_number()
                );
                let kept = self.texts.keep(&object, &output.to_string()).await?;
                // The first answer wins, even if the lease has gone to another function meanwhile.
                named
                    .update_expression(format!(
                        "SET {attempts}, #status = :status, #output = :output, endedAt = :now \
                         REMOVE leaseUntil, #error, #owner ADD costUsd :cost"
                    ))
                    .condition_expression("#status IN (:running, :waiting)")
                    .expression_attribute_names("#output", "output")
                    .expression_attribute_names("#error", "error")
                    .expression_attribute_names("#owner", "owner")
                    .expression_attribute_values(":status", s(NodeStatus::Succeeded.as_str()))
                    .expression_attribute_values(":running", s(NodeStatus::Running.as_str()))
                    .expression_attribute_values(":waiting", s(NodeStatus::Waiting.as_str()))
                    .expression_attribute_values(":output", kept)
            }
            Outcome::Waiting { until, problem } => named
                .update_expression(format!(
                    "SET {attempts}, #status = :status, #error = :error, waitUntil = :until, updatedAt = :now \
                     REMOVE leaseUntil, #owner ADD costUsd :cost"
                ))
                .condition_expression("#owner = :owner")
                .expression_attribute_names("#error", "error")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":owner", s(&lease.owner))
                .expression_attribute_values(":status", s(NodeStatus::Waiting.as_str()))
                .expression_attribute_values(":error", nested(problem, "error")?)
                .expression_attribute_values(":until", time(*until)),
            Outcome::Failed(problem) => named
                .update_expression(format!(
                    "SET {attempts}, #status = :status, #error = :error, endedAt = :now \
                     REMOVE leaseUntil, #owner ADD costUsd :cost"
                ))
                .condition_expression("#owner = :owner")
                .expression_attribute_names("#error", "error")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_values(":owner", s(&lease.owner))
                .expression_attribute_values(":status", s(NodeStatus::Failed.as_str()))
                .expression_attribute_values(":error", nested(problem, "error")?),
        };
        let failed = match outcome {
            Outcome::Failed(problem) => Some(RunError {
                problem: (*problem).clone(),
                node: Some(lease.node_id.clone()),
            }),
            _ => None,
        };
        let run = self.charge(lease, cost, usage, failed.as_ref())?;
        if let Transacted::Refused { .. } = self.transact(vec![node, run]).await? {
            tracing::warn!(
                run = lease.run_id,
                node = lease.node_id,
                "the node had ended another way: only the attempt's cost is recorded"
            );
            let node = base()?.update_expression(format!("SET {attempts} ADD costUsd :cost"));
            let run = self.charge(lease, cost, usage, None)?;
            self.transact(vec![node, run]).await?;
        }
        Ok(())
    }

    /// Adds an attempt to the run's totals and gives back what it had reserved and not spent.
    fn charge(
        &self,
        lease: &Lease,
        cost: Decimal,
        usage: Usage,
        failed: Option<&RunError>,
    ) -> Result<UpdateBuilder, Error> {
        let mut add = String::from(
            "ADD costUsd :cost, promptTokens :prompt, completionTokens :completion, totalTokens :total",
        );
        let mut run = self
            .update(&lease.run_id, "RUN")
            .expression_attribute_values(":cost", n(cost))
            .expression_attribute_values(":prompt", n(usage.prompt_tokens))
            .expression_attribute_values(":completion", n(usage.completion_tokens))
            .expression_attribute_values(":total", n(usage.total_tokens));
        if let Some(reserved) = lease.reserved {
            add.push_str(", budgetLeftUsd :back");
            run = run.expression_attribute_values(":back", n(reserved - cost));
        }
        if let Some(error) = failed {
            // The first node to fail is the one that the run failed of.
            add = format!("SET #error = if_not_exists(#error, :error) {add}");
            run = run
                .expression_attribute_names("#error", "error")
                .expression_attribute_values(":error", nested(error, "error")?);
        }
        Ok(run.update_expression(add))
    }

    fn update(&self, run_id: &str, sk: &str) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(&run_key(run_id), sk)))
    }
}

type UpdateBuilder = aws_sdk_dynamodb::types::builders::UpdateBuilder;

fn read_node(item: &Item) -> Result<NodeRecord, Error> {
    let sk = get_s(item, "sk")?;
    Ok(NodeRecord {
        id: sk.strip_prefix("NODE#").unwrap_or(sk).to_owned(),
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
        output: item.get("output").cloned(),
    })
}
