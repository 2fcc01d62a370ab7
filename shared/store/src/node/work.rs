//! What a function needs to work on one unit, from one read; and a run with all its nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde_json::Value;

use crate::keys;
use crate::lane::lists_of;
use crate::live::watched_until;
use crate::node::record::{NodeRecord, Nodes, read};
use crate::node::row::NodeStatus;
use crate::run::{Run, RunTexts, record as run};
use crate::table::{Item, Query};
use crate::unit::Unit;
use crate::{Error, Record};
use tokio::try_join;

/// All that a function needs to work on one unit, from one read.
#[derive(Debug)]
pub struct Work {
    /// The run.
    pub run: Run,
    /// The unit's own record, where it has begun before.
    pub node: Option<NodeRecord>,
    /// The record of the node, where the unit is an item of its list.
    pub of_list: Option<NodeRecord>,
    /// The outputs of the nodes it needs, by id; null for one that was skipped.
    pub outputs: BTreeMap<String, Value>,
    /// Those of them that have failed while the run goes on: their outputs tell of the failure.
    pub failed: BTreeSet<String>,
    /// Those of them that were skipped.
    pub skipped: BTreeSet<String>,
    /// Whether the message has come that the unit waits for.
    pub told: bool,
    /// Until when somebody watches the run, where somebody has.
    pub watched_until: Option<Timestamp>,
}

impl Nodes {
    /// The run, the node's own record and the outputs of the nodes it `needs`, in one read (of up to 100 items). The run's
    /// texts are read unless they are `known`.
    pub async fn work(
        &self,
        run_id: &str,
        node_id: &str,
        needs: &[String],
        known: Option<&Arc<RunTexts>>,
    ) -> Result<Work, Error> {
        let mut keys = vec![
            keys::run(run_id),
            keys::watch(run_id),
            keys::unit(run_id, node_id),
        ];
        let unit = Unit::of(node_id);
        if unit.index().is_some() {
            keys.push(keys::unit(run_id, unit.node()));
        }
        if known.is_none() {
            keys.push(keys::body(run_id));
        }
        keys.extend(needs.iter().map(|need| keys::unit(run_id, need)));
        let items = self.0.get_many(&keys).await?;
        let run = run::read(&self.0, run_id, &items, known).await?;
        let mut nodes = by_id(&items)?;
        let waits = nodes
            .get(node_id)
            .filter(|node| node.status == NodeStatus::Waiting);
        let awaits = waits.and_then(|node| node.pause.as_ref()?.awaits.as_deref());
        let told = match awaits {
            Some(name) => self.is_told(run_id, name).await?,
            None => false,
        };
        Ok(Work {
            run,
            told,
            outputs: self.outputs_among(&nodes, needs).await?,
            failed: having(&nodes, needs, NodeStatus::Failed),
            skipped: having(&nodes, needs, NodeStatus::Skipped),
            watched_until: watched_until(&items)?,
            node: nodes.remove(node_id),
            of_list: unit.index().and_then(|_| nodes.remove(unit.node())),
        })
    }

    async fn outputs_among(
        &self,
        nodes: &BTreeMap<String, NodeRecord>,
        ids: &[String],
    ) -> Result<BTreeMap<String, Value>, Error> {
        let outputs = ids.iter().map(|id| async move {
            let output = match nodes.get(id) {
                Some(record) if record.status == NodeStatus::Skipped => Some(Value::Null),
                Some(record) => self.output(record).await?,
                None => None,
            };
            match output {
                Some(output) => Ok((id.clone(), output)),
                None => Err(Record::Node.not_found(id)),
            }
        });
        Ok(try_join_all(outputs).await?.into_iter().collect())
    }

    /// A run and the records of its nodes, by id. The items of their lists are counted, and not read.
    pub async fn of_run(&self, id: &str) -> Result<(Run, BTreeMap<String, NodeRecord>), Error> {
        let (mut items, texts) = try_join!(
            self.0.all(|| Query::of(keys::without_items(id))),
            self.0.get(keys::body(id)),
        )?;
        items.extend(texts);
        let run = run::read(&self.0, id, &items, None).await?;
        let mut nodes = by_id(&items)?;
        for (node, list) in lists_of(&items)? {
            if let Some(record) = nodes.get_mut(&node) {
                record.row.count(&list);
            }
        }
        Ok((run, nodes))
    }
}

/// The ids of those of a run's nodes that are done.
pub fn done(nodes: &BTreeMap<String, NodeRecord>) -> BTreeSet<&str> {
    let done = nodes.iter().filter(|(_, node)| node.is_done());
    done.map(|(id, _)| id.as_str()).collect()
}

/// Those of these nodes that have this status.
fn having(
    nodes: &BTreeMap<String, NodeRecord>,
    ids: &[String],
    status: NodeStatus,
) -> BTreeSet<String> {
    let stands = |id: &&String| nodes.get(*id).is_some_and(|node| node.status == status);
    ids.iter().filter(stands).cloned().collect()
}

/// The records of nodes among these items, by id.
fn by_id(items: &[Item]) -> Result<BTreeMap<String, NodeRecord>, Error> {
    let mut nodes = BTreeMap::new();
    for item in items {
        nodes.extend(read(item)?.map(|node| (node.id.clone(), node)));
    }
    Ok(nodes)
}
