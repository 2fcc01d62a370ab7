//! Why a node waits for another one: a template of it reads the other's variable, it is the other's fallback, or
//! `dependsOn` names the other.

use std::collections::{BTreeMap, BTreeSet};

use steps_template::Reference;

use crate::document::{Node, Workflow};

/// One reason for which a node waits for another one. Nodes are named by their places in the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The node that waits.
    pub node: usize,
    /// The one that it waits for.
    pub needed: usize,
    /// Why.
    pub why: Why,
}

/// Why a node waits for another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A template reads its variable.
    Reads {
        /// The field that the template stands in, such as `userPrompt`.
        field: String,
        /// The variable.
        variable: String,
    },
    /// It is the other's fallback: whether it is executed is told by how the other has ended.
    Fallback,
    /// `dependsOn` has its id.
    DependsOn,
}

impl Workflow {
    /// Every reason for which a node waits for another one, in the document's order.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<Need> {
        let mut variables = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for (place, node) in self.nodes.iter().enumerate() {
            variables.insert(node.variable_name.as_str(), place);
            ids.insert(node.id.as_str(), place);
        }
        let stand_ins = stand_ins(&self.nodes, &ids);
        let mut found = BTreeSet::new();
        // Where a node fails, its variable is the output of its fallback: who waits for it waits for that one too.
        let mut wait = |node: usize, needed: usize, why: &Why| {
            let fallback = stand_ins.get(&needed).filter(|&&other| other != node);
            found.extend(
                [Some(&needed), fallback]
                    .into_iter()
                    .flatten()
                    .map(|&needed| Need {
                        node,
                        needed,
                        why: why.clone(),
                    }),
            );
        };
        for (place, node) in self.nodes.iter().enumerate() {
            for (field, template) in node.templates() {
                for Reference { root, .. } in node.references(&field, template) {
                    let variable = root.as_str();
                    if let Some(&needed) = variables.get(variable) {
                        let why = Why::Reads {
                            field: field.clone().into_owned(),
                            variable: variable.to_owned(),
                        };
                        wait(place, needed, &why);
                    }
                }
            }
            for needed in node.depends_on.iter().filter_map(|id| ids.get(id.as_str())) {
                wait(place, *needed, &Why::DependsOn);
            }
        }
        found.extend(stand_ins.iter().map(|(&needed, &node)| Need {
            node,
            needed,
            why: Why::Fallback,
        }));
        found
    }
}

/// The fallback of each node that has one, by places.
pub(crate) fn stand_ins(nodes: &[Node], ids: &BTreeMap<&str, usize>) -> BTreeMap<usize, usize> {
    let fallback = |(index, node): (usize, &Node)| {
        let fallback = ids.get(node.on_error.fallback()?)?;
        Some((index, *fallback))
    };
    nodes.iter().enumerate().filter_map(fallback).collect()
}
