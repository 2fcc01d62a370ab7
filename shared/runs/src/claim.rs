//! A node is in one function's hands at a time: claimed under a lease, which ends unless it is renewed.

use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;
use uuid::Uuid;

use crate::attribute::{n, nested, rfc3339, s, time};
use crate::budget::over_budget;
use crate::node::{node_key, read_node};
use crate::run::run_key;
use crate::store::{key, passed};
use crate::transaction::Transacted;
use crate::{
    Attempt, Error, NodeRecord, NodeStatus, OverBudget, Reserve, Reserved, RunStatus, Store,
};

/// The right to work on a node, until the lease ends.
#[derive(Debug, Clone)]
pub struct Lease {
    pub(crate) run_id: String,
    pub(crate) node_id: String,
    pub(crate) execution: u32,
    pub(crate) owner: String,
    pub(crate) attempt: usize,
    number: usize,
    pub(crate) reserved: Option<Reserved>,
}

impl Lease {
    /// The number of this attempt among those of this execution of the run, from 1.
    pub fn attempt_number(&self) -> usize {
        self.number
    }

    /// What is held back for it.
    pub fn reserved(&self) -> Option<&Reserved> {
        self.reserved.as_ref()
    }

    /// Whether the run is cancelled. Where it was resumed meanwhile, its new execution waits for this attempt.
    pub async fn is_cancelled(&self, store: &Store) -> Result<bool, Error> {
        let run = store.run_head(&self.run_id).await?;
        Ok(run.status == RunStatus::Aborted)
    }
}

/// What is asked for in [`Store::claim`].
#[derive(Debug)]
pub struct Claim<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The number of the run's execution.
    pub execution: u32,
    /// The node.
    pub node_id: &'a str,
    /// Its record as it was read.
    pub seen: Option<&'a NodeRecord>,
    /// When the attempt begins.
    pub now: Timestamp,
    /// How long the lease lasts unless renewed.
    pub lease: Duration,
    /// What the attempt may cost at most; held back in budgets until its cost is known.
    pub reserve: Option<&'a Reserve>,
}

/// The answer to [`Store::claim`].
#[derive(Debug)]
pub enum Claimed {
    /// The node is the caller's.
    Granted(Lease),
    /// Another one claimed or ended it first; its record as it is now.
    Taken(Box<NodeRecord>),
    /// A budget does not cover the reserve.
    OverBudget(Box<OverBudget>),
}

impl Store {
    /// Takes the node for one attempt, as far as nobody else has since it was seen.
    pub async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, Error> {
        let owner = Uuid::now_v7().to_string();
        let reserved = claim.reserve.map(|reserve| reserve.reserved(claim.now));
        let attempt = Attempt {
            execution: claim.execution,
            started_at: rfc3339(claim.now),
            reserved: reserved.clone(),
            ..Attempt::default()
        };
        let lease_until = claim.now + claim.lease;
        let before = claim.seen.map_or(&[][..], |node| &node.attempts);
        let tried = before.len();
        let number = before
            .iter()
            .filter(|attempt| attempt.execution == claim.execution)
            .count()
            + 1;
        let mut update = self
            .update(claim.run_id, &node_key(claim.node_id))
            .update_expression(
                "SET #status = :running, #owner = :owner, #execution = :execution, leaseUntil = :until, \
                 attempts = list_append(if_not_exists(attempts, :none), :attempt), \
                 startedAt = if_not_exists(startedAt, :now), expiresAt = :expires \
                 REMOVE waitUntil, endedAt, #error",
            )
            .expression_attribute_names("#execution", "execution")
            .expression_attribute_values(":execution", n(claim.execution))
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
                     OR (#status = :running AND leaseUntil < :now) \
                     OR (#status = :failed AND #execution < :execution))",
                )
                .expression_attribute_values(":tried", n(tried))
                .expression_attribute_values(":waiting", s(NodeStatus::Waiting.as_str()))
                .expression_attribute_values(":failed", s(NodeStatus::Failed.as_str())),
        };
        let mut writes =
            vec![update.return_values_on_condition_check_failure(
                ReturnValuesOnConditionCheckFailure::AllOld,
            )];
        if let Some(reserve) = claim.reserve {
            writes.extend(self.reserve(claim.run_id, reserve, claim.now));
        }
        match self.transact(writes).await? {
            Transacted::Done => Ok(Claimed::Granted(Lease {
                run_id: claim.run_id.to_owned(),
                node_id: claim.node_id.to_owned(),
                execution: claim.execution,
                owner,
                attempt: tried,
                number,
                reserved,
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
            Transacted::Refused { index, item } => claim
                .reserve
                .and_then(|reserve| over_budget(reserve, index - 1, item.as_ref()))
                .map(|over| Claimed::OverBudget(Box::new(over)))
                .ok_or(Error::Malformed {
                    attribute: "budget",
                }),
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
        passed(result)
    }

    pub(crate) fn update(&self, run_id: &str, sk: &str) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(&run_key(run_id), sk)))
    }
}
