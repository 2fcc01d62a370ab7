//! Answers of an earlier run that a repeat of it takes over. They are not paid for again.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::node::record::{BY_HAND, NodeRecord, Nodes, OUTPUT};
use crate::node::row::{
    ANSWER, COST_USD, ENDED_AT, EXECUTION, NodeStatus, REUSED_FROM, STARTED_AT, STATUS,
};
use crate::table::Put;

/// How many answers are copied at the same time.
const AT_ONCE: usize = 16;

impl Nodes {
    /// Records `nodes` of the run `from` as SUCCEEDED in the run `to`, with their answers and without a cost.
    pub async fn reuse(
        &self,
        from: &str,
        nodes: &[&NodeRecord],
        to: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let copies = nodes.iter().map(|node| self.reuse_one(from, node, to, now));
        let copies: Vec<_> = copies.collect();
        stream::iter(copies)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn reuse_one(
        &self,
        from: &str,
        node: &NodeRecord,
        to: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let kept = node.output.as_ref().ok_or(Error::Malformed {
            attribute: OUTPUT.name(),
        })?;
        // The text is copied: the earlier run's texts expire before this run's.
        let texts = self.0.texts();
        let text = texts.fetch(kept, OUTPUT).await?;
        let object = format!("runs/{to}/{}.reused.json.gz", node.id);
        let output = texts.keep(&object, &text).await?;
        let put = Put::of(keys::unit(to, &node.id))
            .set(STATUS, NodeStatus::Succeeded)
            .set(EXECUTION, 1)
            .set(OUTPUT, output)
            .set_some(ANSWER, node.answer.as_ref())
            .set(COST_USD, Decimal::ZERO)
            .set_some(BY_HAND, node.by_hand.as_ref())
            .set(REUSED_FROM, node.reused_from.as_deref().unwrap_or(from))
            .set(STARTED_AT, now)
            .set(ENDED_AT, now)
            .set(EXPIRES_AT, self.0.expires(now));
        self.0.write(put).await?;
        Ok(())
    }
}
