//! What a function needs to work on one node, from one read; and a run with all its nodes.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::keys;
use crate::node::record::{NodeRecord, Nodes, read};
use crate::run::{Run, record as run};
use crate::table::Query;
use crate::table::key::PK;
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
    /// The run, the node's own record and the outputs of the nodes it `needs`, in one read (of up to 100 items).
    pub async fn work(&self, run_id: &str, node_id: &str, needs: &[String]) -> Result<Work, Error> {
        let mut keys = vec![
            keys::run(run_id),
            keys::body(run_id),
            keys::node(run_id, node_id),
        ];
        keys.extend(needs.iter().map(|need| keys::node(run_id, need)));
        let items = self.0.get_many(&keys).await?;
        let run = run::read(&self.0, run_id, &items).await?;
        let mut nodes = BTreeMap::new();
        for item in &items {
            nodes.extend(read(item)?.map(|node| (node.id.clone(), node)));
        }
        let nodes_read = &nodes;
        let outputs = needs.iter().map(|need| async move {
            let output = match nodes_read.get(need) {
                Some(record) => self.output(record).await?,
                None => None,
            };
            match output {
                Some(output) => Ok((need.clone(), output)),
                None => Err(Record::Node.not_found(need)),
            }
        });
        let outputs = try_join_all(outputs).await?.into_iter().collect();
        Ok(Work {
            run,
            node: nodes.remove(node_id),
            outputs,
        })
    }

    /// A run and the records of its nodes, by id.
    pub async fn of_run(&self, id: &str) -> Result<(Run, BTreeMap<String, NodeRecord>), Error> {
        let pk = keys::run(id).pk;
        let items = self.0.all(|| Query::of(PK.is(&pk))).await?;
        let run = run::read(&self.0, id, &items).await?;
        let mut nodes = BTreeMap::new();
        for item in &items {
            nodes.extend(read(item)?.map(|node| (node.id.clone(), node)));
        }
        Ok((run, nodes))
    }
}
