//! What a function needs to work on one node, from one read; and a run with all its nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::keys::{self, Key};
use crate::node::record::{NodeRecord, Nodes, read};
use crate::run::{Run, RunTexts, record as run};
use crate::table::key::PK;
use crate::table::{Item, Query};
use crate::{Error, Record};

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
        let mut keys = vec![keys::run(run_id), keys::node(run_id, node_id)];
        if known.is_none() {
            keys.push(keys::body(run_id));
        }
        keys.extend(needs.iter().map(|need| keys::node(run_id, need)));
        let items = self.0.get_many(&keys).await?;
        let run = run::read(&self.0, run_id, &items, known).await?;
        let mut nodes = by_id(&items)?;
        Ok(Work {
            run,
            outputs: self.outputs_among(&nodes, needs).await?,
            node: nodes.remove(node_id),
        })
    }

    /// The outputs of these nodes of the run, by id.
    pub async fn outputs(
        &self,
        run_id: &str,
        ids: &[String],
    ) -> Result<BTreeMap<String, Value>, Error> {
        let keys: Vec<Key> = ids.iter().map(|id| keys::node(run_id, id)).collect();
        let items = self.0.get_many(&keys).await?;
        self.outputs_among(&by_id(&items)?, ids).await
    }

    async fn outputs_among(
        &self,
        nodes: &BTreeMap<String, NodeRecord>,
        ids: &[String],
    ) -> Result<BTreeMap<String, Value>, Error> {
        let outputs = ids.iter().map(|id| async move {
            let output = match nodes.get(id) {
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

    /// A run and the records of its nodes, by id.
    pub async fn of_run(&self, id: &str) -> Result<(Run, BTreeMap<String, NodeRecord>), Error> {
        let pk = keys::run(id).pk;
        let items = self.0.all(|| Query::of(PK.is(&pk))).await?;
        let run = run::read(&self.0, id, &items, None).await?;
        Ok((run, by_id(&items)?))
    }
}

/// The records of nodes among these items, by id.
fn by_id(items: &[Item]) -> Result<BTreeMap<String, NodeRecord>, Error> {
    let mut nodes = BTreeMap::new();
    for item in items {
        nodes.extend(read(item)?.map(|node| (node.id.clone(), node)));
    }
    Ok(nodes)
}
