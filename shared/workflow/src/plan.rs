//! The order in which a run takes its nodes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::document::{Node, Workflow};
use crate::graph::Graph;

/// A workflow's nodes in levels: those of one level need nothing of each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// In the order to run; within a level the node with the longest path behind it comes first.
    pub levels: Vec<Vec<PlannedNode>>,
}

/// A node of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedNode {
    /// Its id.
    pub id: String,
    /// The ids of the nodes whose variables its templates name, sorted.
    pub needs: Vec<String>,
}

impl Plan {
    /// The plan without the nodes that are `done`, and without levels that are left empty.
    #[must_use]
    pub fn without(mut self, done: impl Fn(&str) -> bool) -> Self {
        for level in &mut self.levels {
            level.retain(|node| !done(&node.id));
        }
        self.levels.retain(|level| !level.is_empty());
        self
    }
}

impl Workflow {
    /// Plans a run.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let (graph, needs) = self.edges();
        let order = graph.order();
        let mut level_of = vec![0usize; self.nodes.len()];
        for &node in &order {
            let level = graph
                .needs(node)
                .filter_map(|needed| level_of.get(needed).map(|level| level + 1))
                .max();
            if let (Some(slot), Some(level)) = (level_of.get_mut(node), level) {
                *slot = level;
            }
        }
        // How many nodes still follow on the longest path.
        let mut behind = vec![0usize; self.nodes.len()];
        for &node in order.iter().rev() {
            let length = behind.get(node).map_or(1, |length| length + 1);
            for needed in graph.needs(node) {
                if let Some(slot) = behind.get_mut(needed) {
                    *slot = length.max(*slot);
                }
            }
        }
        let mut levels: Vec<Vec<usize>> = Vec::new();
        let mut sorted = order;
        sorted.sort_by_key(|&node| {
            (
                level_of.get(node).copied(),
                Reverse(behind.get(node).copied()),
                node,
            )
        });
        for node in sorted {
            let level = level_of.get(node).copied().unwrap_or_default();
            if levels.len() <= level {
                levels.resize_with(level + 1, Vec::new);
            }
            if let Some(nodes) = levels.get_mut(level) {
                nodes.push(node);
            }
        }
        let planned = |node: usize| {
            Some(PlannedNode {
                id: self.nodes.get(node)?.id.clone(),
                needs: needs.get(node)?.iter().cloned().collect(),
            })
        };
        Plan {
            levels: levels
                .into_iter()
                .map(|nodes| nodes.into_iter().filter_map(planned).collect())
                .collect(),
        }
    }

    /// The nodes that no other depends on: what the workflow gives in the end.
    #[must_use]
    pub fn sinks(&self) -> Vec<&Node> {
        let (graph, _) = self.edges();
        let needed: BTreeSet<usize> = (0..self.nodes.len())
            .flat_map(|node| graph.needs(node))
            .collect();
        self.nodes
            .iter()
            .enumerate()
            .filter(|(index, _)| !needed.contains(index))
            .map(|(_, node)| node)
            .collect()
    }

    /// The node of this id and all that come after it because of it: those that depend on it, and on those.
    #[must_use]
    pub fn from_node_on(&self, id: &str) -> BTreeSet<&str> {
        let (graph, _) = self.edges();
        let mut after = BTreeSet::new();
        for index in graph.order() {
            let Some(node) = self.nodes.get(index) else {
                continue;
            };
            let needs_one = graph
                .needs(index)
                .filter_map(|needed| self.nodes.get(needed))
                .any(|needed| after.contains(needed.id.as_str()));
            if node.id == id || needs_one {
                after.insert(node.id.as_str());
            }
        }
        after
    }

    /// All edges, and for each node the ids whose output its templates read.
    fn edges(&self) -> (Graph, Vec<BTreeSet<String>>) {
        let mut variables = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            variables.insert(node.variable_name.as_str(), index);
            ids.insert(node.id.as_str(), index);
        }
        let mut graph = Graph::new(self.nodes.len());
        let mut needs = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let mut read = BTreeSet::new();
            for (_, template) in node.templates() {
                for name in template.names().roots() {
                    if let Some(&needed) = variables.get(name)
                        && let Some(node) = self.nodes.get(needed)
                    {
                        graph.add(index, needed);
                        read.insert(node.id.clone());
                    }
                }
            }
            for id in &node.depends_on {
                if let Some(&needed) = ids.get(id.as_str()) {
                    graph.add(index, needed);
                }
            }
            needs.push(read);
        }
        (graph, needs)
    }
}
