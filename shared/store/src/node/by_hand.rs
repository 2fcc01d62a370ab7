//! A node is given its output by hand: one that failed, or that waits. Whoever takes it next settles it with that output.

use serde_json::Value;
use steps_usage::Usage;
use uuid::Uuid;

use crate::Error;
use crate::keys;
use crate::node::claim::Claim;
use crate::node::record::{BY_HAND, ByHand, GIVEN, NodeRecord, Nodes, OUTPUT, OWNER, PAUSE};
use crate::node::row::{ANSWER, Answer, HANDLED, LEASE_UNTIL, NodeStatus, STARTED_AT, STATUS};
use crate::table::{Change, Delete};

impl Nodes {
    /// Gives the node this output. It is settled with it by whoever takes it next. `false` where it neither waits nor has
    /// failed: it has not begun, a function works on it, or it is done.
    pub async fn give(
        &self,
        run_id: &str,
        node_id: &str,
        output: &Value,
        by: &ByHand,
    ) -> Result<bool, Error> {
        // An object of its own: an output that was given before may be taken at this moment.
        let object = format!("runs/{run_id}/{node_id}.given-{}.json.gz", Uuid::now_v7());
        let kept = self.0.texts().keep(&object, &output.to_string()).await?;
        let failed = STATUS.is(NodeStatus::Failed).and(HANDLED.missing());
        let lost = STATUS
            .is(NodeStatus::Running)
            .and(LEASE_UNTIL.is_below(by.at));
        let change = Change::of(keys::unit(run_id, node_id))
            .when(STATUS.is(NodeStatus::Waiting).or(failed).or(lost))
            .set(GIVEN, kept)
            .set(BY_HAND, by);
        self.0.write(change).await
    }

    /// Settles the node of this claim with the output that it was given by hand, as far as nobody else has begun it or given
    /// it another one since it was seen. It is no attempt and costs nothing. `false` where somebody has.
    pub async fn settle_given(&self, claim: &Claim<'_>) -> Result<bool, Error> {
        let given = claim.seen.and_then(|node| node.given.as_ref());
        let given = given.ok_or(Error::Malformed {
            attribute: GIVEN.name(),
        })?;
        let text = self.0.texts().fetch(given, GIVEN).await?;
        let output: Value = serde_json::from_str(&text).map_err(|_| Error::Malformed {
            attribute: GIVEN.name(),
        })?;
        let answer = Answer::of(&output, &text, &Usage::default(), 0);
        let end = Change::of(keys::unit(claim.run_id, claim.node_id))
            .set(OUTPUT, given)
            .set(ANSWER, answer)
            .set_once(STARTED_AT, claim.now)
            .remove(GIVEN)
            .remove(PAUSE)
            .remove(OWNER)
            .remove(LEASE_UNTIL);
        let paused = claim.seen.is_some_and(|node| node.pause.is_some());
        let timer = paused.then(|| Delete::of(keys::paused(claim.run_id, claim.node_id)).into());
        self.settle_untried(claim, end, NodeStatus::Succeeded, timer)
            .await
    }
}

impl NodeRecord {
    /// Whether it was given an output that it is not settled with yet.
    pub fn is_given(&self) -> bool {
        self.given.is_some() && !self.is_done()
    }
}
