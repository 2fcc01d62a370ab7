//! A node is in one function's hands at a time: claimed under a lease, which ends unless it is renewed.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use steps_usage::Usage;
use uuid::Uuid;

use crate::budget::{self, OverBudget, Reserve, Reserved};
use crate::keys::{self, EXPIRES_AT, Key};
use crate::lane::Settles;
use crate::live::Live;
use crate::node::cost::Charge;
use crate::node::record::{
    ATTEMPT_CREDENTIAL_ID, ATTEMPTS, Attempt, BY_HAND, GENERATION_ID, NodeRecord, Nodes, OWNER,
    PAUSE, WAIT_CODE, WORKFLOW, changed, read,
};
use crate::node::row::{
    ENDED_AT, ERROR, EXECUTION, HANDLED, LEASE_UNTIL, NodeStatus, STARTED_AT, STATUS, TRIED,
    WAIT_UNTIL, WAITING,
};
use crate::run::RunStatus;
use crate::table::key::PK;
use crate::table::{Change, Condition, Transacted, Write};
use crate::{Error, Record};

/// The right to work on a node, until the lease ends.
#[derive(Debug, Clone)]
pub struct Lease {
    pub(super) run_id: String,
    pub(super) node_id: String,
    pub(super) execution: u32,
    pub(super) lane: u8,
    pub(super) owner: String,
    pub(super) attempt: usize,
    number: usize,
    pub(super) reserved: Option<Reserved>,
    pub(super) watched: bool,
    pub(super) credential_id: Option<String>,
    /// Whether it had paused before.
    pub(super) has_paused: bool,
}

impl Lease {
    /// The same lease, with what is known by now of whether somebody watches the run.
    #[must_use]
    pub fn watched(&self, watched: bool) -> Self {
        Self {
            watched,
            ..self.clone()
        }
    }

    /// The same lease, with the id of the credential that pays for the attempt.
    #[must_use]
    pub fn paid_by(self, credential_id: Option<&str>) -> Self {
        Self {
            credential_id: credential_id.map(str::to_owned),
            ..self
        }
    }

    /// The number of this attempt among those of this execution of the run, from 1.
    pub fn attempt_number(&self) -> usize {
        self.number
    }

    /// Whether a lane has taken it.
    pub fn has_lane(&self) -> bool {
        self.lane > 0
    }

    /// The run.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The node.
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// The number of this attempt among all of the node, from 1.
    pub fn tried(&self) -> usize {
        self.attempt + 1
    }

    pub(super) fn key(&self) -> Key {
        keys::unit(&self.run_id, &self.node_id)
    }

    /// What is held back for it.
    pub fn reserved(&self) -> Option<&Reserved> {
        self.reserved.as_ref()
    }
}

/// What is asked for in [`Nodes::claim`].
#[derive(Debug)]
pub struct Claim<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The number of the run's execution.
    pub execution: u32,
    /// The run's lane that takes it; 0 where none does.
    pub lane: u8,
    /// The run's workflow.
    pub workflow_id: &'a str,
    /// The node, or the item of its list.
    pub node_id: &'a str,
    /// Its record as it was read.
    pub seen: Option<&'a NodeRecord>,
    /// When the attempt begins.
    pub now: Timestamp,
    /// How long the lease lasts unless renewed.
    pub lease: Duration,
    /// Whether somebody watches the run.
    pub watched: bool,
    /// What the attempt may cost at most; held back in budgets until its cost is known.
    pub reserve: Option<&'a Reserve>,
}

/// The answer to [`Nodes::claim`].
#[derive(Debug)]
pub enum Claimed {
    /// The node is the caller's.
    Granted(Lease),
    /// Another one claimed or ended it first; its record as it is now.
    Taken(Box<NodeRecord>),
    /// A budget does not cover the reserve.
    OverBudget(Box<OverBudget>),
}

/// How a run is doing while one of its nodes is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether it is cancelled.
    pub is_cancelled: bool,
    /// Until when somebody watches it, where somebody has.
    pub watched_until: Option<Timestamp>,
}

impl Nodes {
    /// Takes the node for one attempt, as far as nobody else has since it was seen.
    pub async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, Error> {
        let owner = Uuid::now_v7().to_string();
        let reserved = claim.reserve.map(|reserve| reserve.reserved(claim.now));
        let before = claim.seen.map_or(&[][..], |node| &node.attempts);
        let tried = before.len();
        // A pause is no failure: it is not counted against the tries that a node has.
        let earlier = |attempt: &&Attempt| attempt.execution == claim.execution && !attempt.paused;
        let number = before.iter().filter(earlier).count() + 1;
        let attempt = Attempt {
            execution: claim.execution,
            started_at: claim.now,
            reserved: reserved.clone(),
            ..Attempt::default()
        };
        let node = self
            .begin(claim)
            .telling()
            .set(OWNER, &owner)
            .set(LEASE_UNTIL, claim.now + claim.lease)
            .append(ATTEMPTS, &attempt)
            .set(TRIED, tried + 1);
        let mut writes: Vec<Write> = vec![node.into()];
        if let Some(reserve) = claim.reserve {
            writes.extend(budget::reserve(claim.run_id, reserve, claim.now));
        }
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(Claimed::Granted(Lease {
                run_id: claim.run_id.to_owned(),
                node_id: claim.node_id.to_owned(),
                execution: claim.execution,
                lane: claim.lane,
                owner,
                attempt: tried,
                number,
                reserved,
                watched: claim.watched,
                credential_id: None,
                has_paused: claim.seen.is_some_and(|seen| seen.pause.is_some()),
            })),
            Transacted::Refused { index: 0, item } => {
                let record = match item {
                    Some(item) => read(&item)?,
                    None => self.get(claim.run_id, claim.node_id).await?,
                };
                record
                    .map(|record| Claimed::Taken(Box::new(record)))
                    .ok_or_else(|| Record::Node.conflict(claim.node_id))
            }
            Transacted::Refused { index, item } => claim
                .reserve
                .and_then(|reserve| budget::over_budget(reserve, index - 1, item.as_ref()))
                .map(|over| Claimed::OverBudget(Box::new(over)))
                .ok_or(Error::Malformed {
                    attribute: "budget",
                }),
        }
    }

    /// The change that begins the node, as far as nobody else has begun it since it was seen.
    pub(super) fn begin(&self, claim: &Claim<'_>) -> Change {
        let change = Change::of(keys::unit(claim.run_id, claim.node_id))
            .when(free(claim.seen, claim.execution, claim.now))
            .set(STATUS, NodeStatus::Running)
            .set(EXECUTION, claim.execution)
            .set(WORKFLOW, claim.workflow_id)
            .set_once(STARTED_AT, claim.now)
            .set(EXPIRES_AT, self.0.expires(claim.now))
            .remove(WAITING)
            .remove(WAIT_UNTIL)
            .remove(WAIT_CODE)
            .remove(ENDED_AT)
            .remove(ERROR);
        let retries = |seen: &NodeRecord| seen.pause.is_some() && seen.own_pause().is_none();
        let change = match claim.seen {
            Some(seen) if retries(seen) => change.remove(PAUSE),
            _ => change,
        };
        changed(change, claim.node_id, Timestamp::now(), claim.watched)
    }

    /// Ends a node that is not to be executed, as far as nobody else has begun it since it was seen. `false` where somebody
    /// has.
    pub async fn skip(&self, claim: &Claim<'_>) -> Result<bool, Error> {
        let expires = self.0.expires(claim.now);
        let end = Change::of(keys::unit(claim.run_id, claim.node_id)).set(EXPIRES_AT, expires);
        self.settle_untried(claim, end, NodeStatus::Skipped, None)
            .await
    }

    /// Writes the end of a node that takes no attempt and costs nothing, as far as nobody else has begun it since it was seen.
    /// `end` is what else changes in its record, and `write` what else is written. `false` where somebody has.
    pub(super) async fn settle_untried(
        &self,
        claim: &Claim<'_>,
        end: Change,
        status: NodeStatus,
        write: Option<Write>,
    ) -> Result<bool, Error> {
        let node = end
            .when(free(claim.seen, claim.execution, claim.now))
            .set(STATUS, status)
            .set(EXECUTION, claim.execution)
            .set(ENDED_AT, claim.now)
            .remove(WAITING)
            .remove(WAIT_UNTIL)
            .remove(WAIT_CODE)
            .remove(ERROR);
        let node = changed(node, claim.node_id, Timestamp::now(), claim.watched);
        let charge = Charge {
            unit: claim.node_id,
            lane: claim.lane,
            cost: Decimal::ZERO,
            reserved: None,
            usage: &Usage::default(),
            settles: Some(Settles::Succeeded),
            failed: None,
            run_is_gone: false,
        };
        let writes = [node.into()].into_iter();
        let writes = writes.chain(self.charge(claim.run_id, &charge));
        let settled = self.0.transact(writes.chain(write)).await?;
        Ok(matches!(settled, Transacted::Done))
    }

    /// Notes the generation's id, and who pays for it, while its text still arrives, so that its cost can be asked for even if this function
    /// dies. No index projects it.
    pub async fn note_generation(&self, lease: &Lease, generation_id: &str) -> Result<(), Error> {
        let attempt = || ATTEMPTS.at(lease.attempt);
        let change = Change::of(lease.key())
            .when(PK.exists())
            .set(attempt().field(GENERATION_ID), generation_id);
        let change = match &lease.credential_id {
            Some(id) => change.set(attempt().field(ATTEMPT_CREDENTIAL_ID), id),
            None => change,
        };
        if self.0.write(change).await? {
            return Ok(());
        }
        Err(Record::Node.not_found(&lease.node_id))
    }

    /// Lengthens the lease; `false` where it was lost to another function.
    pub async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<bool, Error> {
        let change = Change::of(lease.key())
            .when(OWNER.is(&lease.owner))
            .set(LEASE_UNTIL, until);
        self.0.write(change).await
    }

    /// Whether the run is cancelled, and until when somebody watches it, from one read. Where it was resumed meanwhile, its
    /// new execution waits for this attempt.
    pub async fn look(&self, lease: &Lease) -> Result<Look, Error> {
        let (run, watched_until) = Live(self.0.clone()).head(&lease.run_id).await?;
        Ok(Look {
            is_cancelled: run.status == RunStatus::Aborted,
            watched_until,
        })
    }
}

/// Whether nobody has begun the node since it was seen, and it may be begun.
pub(super) fn free(seen: Option<&NodeRecord>, take: u32, now: Timestamp) -> Condition {
    let Some(seen) = seen else {
        return PK.missing();
    };
    // Every claim adds an attempt, so the count tells whether anyone was here since; a lease may also have been renewed.
    let lost = STATUS
        .is(NodeStatus::Running)
        .and(LEASE_UNTIL.is_below(now));
    let failed_before = STATUS
        .is(NodeStatus::Failed)
        .and(EXECUTION.is_below(take))
        .and(HANDLED.missing());
    let waits = STATUS.is(NodeStatus::Waiting);
    // Whoever takes it has to know of an output that it was given by hand.
    let given = match &seen.by_hand {
        Some(by) => BY_HAND.is(by),
        None => BY_HAND.missing(),
    };
    ATTEMPTS
        .has_length(seen.attempts.len())
        .and(given)
        .and(waits.or(lost).or(failed_before))
}
