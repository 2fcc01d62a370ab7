//! The graph of a run: which node waits for which, which comes first, and how many can be ready at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::document::{Node, Workflow};
use crate::graph::Graph;
use crate::need::{Need, Why};

/// The most lanes that a run has.
const MOST_LANES: usize = 40;

/// A workflow's nodes as a run takes them: a node is ready as soon as every node that it waits for is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    nodes: Vec<PlannedNode>,
    places: BTreeMap<String, usize>,
}

/// A node of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNode {
    /// Its id.
    pub id: String,
    /// The ids of the nodes whose variables its templates name, sorted.
    pub reads: Vec<String>,
    /// The nodes that it waits for, by their places in the plan. What follows from others is left out: where c waits
    /// for b, and b for a, c does not list a.
    pub needs: Vec<usize>,
    /// The nodes that wait for it.
    pub after: Vec<Edge>,
    /// Its list, where it is executed for each item of one.
    pub list: Option<PlannedList>,
    /// How many nodes follow on the longest path behind it. The node with the highest rank is taken first.
    pub rank: u16,
}

/// The list of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedList {
    /// How many of its items are executed at once.
    pub concurrency: u32,
    /// The ids of the nodes whose variables an item's templates name, sorted. What gives the list itself is not read again.
    pub reads: Vec<String>,
}

/// A node that waits for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The place in the plan of the node that waits.
    pub node: usize,
    /// The place of the other one among that node's `needs`.
    pub need: u32,
}

impl Plan {
    /// A plan of these nodes: each with its id, the ids that its templates read, and the places of the nodes that it
    /// waits for. Nodes that wait for each other in a circle are never ready.
    #[must_use]
    pub fn new(nodes: impl IntoIterator<Item = (String, Vec<String>, Vec<usize>)>) -> Self {
        let mut planned = Vec::new();
        let mut needs_of = Vec::new();
        for (id, reads, needs) in nodes {
            needs_of.push(needs);
            planned.push(PlannedNode {
                id,
                reads,
                needs: Vec::new(),
                after: Vec::new(),
                list: None,
                rank: 0,
            });
        }
        let mut graph = Graph::new(planned.len());
        for (node, needs) in needs_of.into_iter().enumerate() {
            for need in needs {
                graph.add(node, need);
            }
        }
        let order = graph.order();
        let before = graph.all_before(&order);
        let mut plan = Self {
            places: BTreeMap::new(),
            nodes: planned,
        };
        for place in 0..plan.nodes.len() {
            let follows = |need: usize| {
                let mut others = graph.needs(place).filter(|&other| other != need);
                others.any(|other| before.get(other).is_some_and(|before| before.has(need)))
            };
            let needs: Vec<usize> = graph.needs(place).filter(|&need| !follows(need)).collect();
            for (index, &need) in (0u32..).zip(&needs) {
                if let Some(needed) = plan.nodes.get_mut(need) {
                    needed.after.push(Edge {
                        node: place,
                        need: index,
                    });
                }
            }
            if let Some(node) = plan.nodes.get_mut(place) {
                node.needs = needs;
                plan.places.insert(node.id.clone(), place);
            }
        }
        for &place in order.iter().rev() {
            let Some(node) = plan.nodes.get(place) else {
                continue;
            };
            let behind = node.after.iter().filter_map(|edge| {
                let after = plan.nodes.get(edge.node)?;
                Some(after.rank.saturating_add(1))
            });
            let rank = behind.max().unwrap_or_default();
            if let Some(node) = plan.nodes.get_mut(place) {
                node.rank = rank;
            }
        }
        plan
    }

    /// The same plan, in which the node of this id is executed for each item of a list.
    #[must_use]
    pub fn with_list(mut self, id: &str, list: PlannedList) -> Self {
        let place = self.places.get(id).copied();
        if let Some(node) = place.and_then(|place| self.nodes.get_mut(place)) {
            node.list = Some(list);
        }
        self
    }

    /// Every node, in the document's order.
    #[must_use]
    pub fn nodes(&self) -> &[PlannedNode] {
        &self.nodes
    }

    /// The node of this id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&PlannedNode> {
        self.nodes.get(*self.places.get(id)?)
    }

    /// The node at this place.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&PlannedNode> {
        self.nodes.get(place)
    }

    /// Which of its needs are done, by their places in the node's `needs`.
    pub fn done_needs(&self, node: &PlannedNode, done: impl Fn(&str) -> bool) -> BTreeSet<u32> {
        (0u32..)
            .zip(&node.needs)
            .filter(|(_, need)| self.at(**need).is_some_and(|need| done(&need.id)))
            .map(|(index, _)| index)
            .collect()
    }

    /// The nodes that are ready where others are `done`, the highest rank first.
    pub fn ready(&self, done: impl Fn(&str) -> bool) -> Vec<&PlannedNode> {
        let mut ready: Vec<&PlannedNode> = self
            .nodes
            .iter()
            .filter(|node| !done(&node.id))
            .filter(|node| self.done_needs(node, &done).len() == node.needs.len())
            .collect();
        ready.sort_by_key(|node| Reverse(node.rank));
        ready
    }

    /// The ids of the longest path, from a node that waits for none to one that nobody waits for: of several that are as
    /// long, the one whose nodes stand first in the document.
    #[must_use]
    pub fn longest_path(&self) -> Vec<&str> {
        let mut path = Vec::new();
        let longest = self.nodes.iter().map(|node| node.rank).max();
        let first = |rank| move |node: &&PlannedNode| Some(node.rank) == rank;
        let mut next = self.nodes.iter().find(first(longest));
        while let Some(node) = next {
            path.push(node.id.as_str());
            let behind = node.rank.checked_sub(1);
            let mut after = node.after.iter().filter_map(|edge| self.at(edge.node));
            next = after.find(first(behind));
        }
        path
    }

    /// How many lanes execute those that are not `done`: as many as can be ready at once, but no more than `most`, and
    /// at most 40.
    pub fn lanes(&self, done: impl Fn(&str) -> bool, most: u32) -> usize {
        let most = usize::try_from(most).unwrap_or(MOST_LANES).min(MOST_LANES);
        self.width(done).min(most).max(1)
    }

    /// The most units that can be ready at once of the nodes that are not `done`, or a few more. A node with a list counts
    /// as many as its concurrency.
    pub fn width(&self, done: impl Fn(&str) -> bool) -> usize {
        // The nodes are laid into chains in which each comes after the one before. Of a chain only one can be ready.
        let mut graph = Graph::new(self.nodes.len());
        for (place, node) in self.nodes.iter().enumerate() {
            for &need in &node.needs {
                graph.add(place, need);
            }
        }
        let order = graph.order();
        let before = graph.all_before(&order);
        let mut ends: Vec<usize> = Vec::new();
        // The most that a node of each chain counts.
        let mut widths: Vec<usize> = Vec::new();
        for place in order {
            let Some(node) = self.at(place).filter(|node| !done(&node.id)) else {
                continue;
            };
            let next_to = ends.iter().position(|end| node.needs.contains(end));
            let follows = |end: &usize| before.get(place).is_some_and(|before| before.has(*end));
            let list = node.list.as_ref();
            let width = list.map_or(1, |list| usize::try_from(list.concurrency).unwrap_or(1));
            match next_to.or_else(|| ends.iter().position(follows)) {
                Some(chain) => {
                    if let (Some(end), Some(most)) = (ends.get_mut(chain), widths.get_mut(chain)) {
                        *end = place;
                        *most = width.max(*most);
                    }
                }
                None => {
                    ends.push(place);
                    widths.push(width);
                }
            }
        }
        widths.iter().sum()
    }
}

impl Workflow {
    /// Plans a run.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let (graph, reads) = self.edges();
        let nodes = self.nodes.iter().zip(reads).enumerate();
        let plan = Plan::new(nodes.map(|(place, (node, reads))| {
            let needs = graph.needs(place).collect();
            (node.id.clone(), reads.into_iter().collect(), needs)
        }));
        let lists = self.nodes.iter().filter_map(|node| {
            let list = PlannedList {
                concurrency: node.list()?.concurrency,
                reads: self.read_by_items(node),
            };
            Some((&node.id, list))
        });
        lists.fold(plan, |plan, (id, list)| plan.with_list(id, list))
    }

    /// The ids of the nodes that the templates of a node's items read.
    fn read_by_items(&self, node: &Node) -> Vec<String> {
        let mut read = BTreeSet::new();
        for (field, template) in node.kind.templates() {
            for reference in node.references(&field, template) {
                let named = |other: &&Node| other.variable_name == reference.root;
                if let Some(other) = self.nodes.iter().find(named) {
                    read.insert(other.id.clone());
                    read.extend(other.on_error.fallback().map(str::to_owned));
                }
            }
        }
        read.into_iter().collect()
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
        let order = graph.order();
        let before = graph.all_before(&order);
        let from = self.nodes.iter().position(|node| node.id == id);
        let comes_after = |place: usize| {
            from.is_some_and(|from| {
                place == from || before.get(place).is_some_and(|before| before.has(from))
            })
        };
        self.nodes
            .iter()
            .enumerate()
            .filter(|(place, _)| comes_after(*place))
            .map(|(_, node)| node.id.as_str())
            .collect()
    }

    /// All edges, and for each node the ids whose output its templates read.
    fn edges(&self) -> (Graph, Vec<BTreeSet<String>>) {
        let mut graph = Graph::new(self.nodes.len());
        let mut reads = vec![BTreeSet::new(); self.nodes.len()];
        for Need { node, needed, why } in self.needs() {
            graph.add(node, needed);
            if why != Why::DependsOn
                && let (Some(read), Some(needed)) = (reads.get_mut(node), self.nodes.get(needed))
            {
                read.insert(needed.id.clone());
            }
        }
        (graph, reads)
    }
}
