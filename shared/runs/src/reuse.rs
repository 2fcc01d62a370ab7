//! Answers of an earlier run, taken over by one that repeats it: they are not paid for again.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::attribute::{n, s, time};
use crate::node::node_key;
use crate::run::run_key;
use crate::store::key;
use crate::{Error, NodeRecord, NodeStatus, Store};

/// How many answers are copied at once.
const AT_ONCE: usize = 16;

impl Store {
    /// Records `nodes` of the run `from` as SUCCEEDED in the run `to`, with their answers and without a cost.
    pub async fn reuse_nodes(
        &self,
        from: &str,
        nodes: &[&NodeRecord],
        to: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        stream::iter(
            nodes
                .iter()
                .map(|node| self.reuse_node(from, node, to, now)),
        )
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
    }

    async fn reuse_node(
        &self,
        from: &str,
        node: &NodeRecord,
        to: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let missing = Error::Malformed {
            attribute: "output",
        };
        let kept = node.output.as_ref().ok_or(missing)?;
        // A copy of its own: the earlier run's texts expire before this one's.
        let text = self.texts.fetch(kept, "output").await?;
        let object = format!("runs/{to}/{}.reused.json.gz", node.id);
        let output = self.texts.keep(&object, &text).await?;
        let first = node.reused_from.as_deref().unwrap_or(from);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key(&run_key(to), &node_key(&node.id))))
            .item("status", s(NodeStatus::Succeeded.as_str()))
            .item("execution", n(1))
            .item("output", output)
            .item("costUsd", n(0))
            .item("reusedFrom", s(first))
            .item("startedAt", time(now))
            .item("endedAt", time(now))
            .item("expiresAt", self.expires(now))
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(())
    }
}
