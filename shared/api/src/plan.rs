//! The plan of a workflow: which node waits for which and why, how many run at once, and what a run may cost at most.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_openrouter::ModelList;
use steps_store::StoredWorkflow;
use steps_workflow::{Need, Node, Plan, Why, Workflow};

/// The answer of `GET /workflows/{id}/plan`: how a run of one version of a workflow goes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowPlan {
    /// The workflow's id.
    pub id: String,
    /// The version.
    pub version: u64,
    /// Every node, in the document's order.
    pub nodes: Vec<PlannedNodeView>,
    /// Every pair of nodes of which one waits for the other.
    pub edges: Vec<PlannedEdge>,
    /// The ids of the nodes of the longest path, counted in nodes, from its first to its last. Where several are as long:
    /// one of them.
    pub longest_path: Vec<String>,
    /// How many lanes a run takes: as many nodes are executed at once at most. It is as many as can be ready at once, or a
    /// few more, and no more than `limits.maxConcurrency`.
    pub lanes: usize,
    /// The sum of the nodes' `mostUsd`: what a run may cost at most without what tags insert into prompts. `null` where
    /// that of a node is. A run with `limits.maxCostUsd` begins no call that this budget does not cover.
    pub most_usd: Option<Decimal>,
}

/// A node in a plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedNodeView {
    /// Its id.
    pub id: String,
    /// Its `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name that templates read its output by.
    pub variable_name: String,
    /// How many nodes follow on the longest path behind it. Of nodes that are ready the one with the highest rank is
    /// executed first.
    pub rank: u16,
    /// Whether it is executed for each item of a list, whose length the plan does not know.
    pub for_each: bool,
    /// How often it is tried at most: `retry.maxAttempts`. A resumed run begins to count anew, and a function that dies at
    /// the last attempt makes one more.
    pub max_attempts: u32,
    /// What one attempt (of one item, where it has a list) may cost at most, USD, by the same count as a budget's: one token for every two bytes of the
    /// prompts, and `maxTokens`, at the prices of OpenRouter's model list or of the node's own `provider.max_price`. The
    /// prompts are counted as they are written, without what their tags insert. `null` where a model has no price in the
    /// list. Only a budget holds OpenRouter to these prices.
    pub most_usd_per_attempt: Option<Decimal>,
    /// Of a node whose prompts have tags: what each million tokens that the tags add to a prompt cost on top, USD. `null`
    /// where nothing comes on top, or the price is not known.
    pub usd_per_million_inserted: Option<Decimal>,
    /// `mostUsdPerAttempt` times `maxAttempts`; `null` where that is, and where a list of unknown length is not free.
    pub most_usd: Option<Decimal>,
    /// Why `mostUsd` is `null`.
    pub unpriced: Option<String>,
}

/// A node that waits for another one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedEdge {
    /// The id of the node that is waited for.
    pub from: String,
    /// The id of the node that waits.
    pub to: String,
    /// The templates of the waiting node that read the other's variable, or the variable of the node that the other is the
    /// fallback of.
    pub reads: Vec<PlannedRead>,
    /// Whether the waiting node's `dependsOn` names the other one, or the one that the other is the fallback of.
    pub depends_on: bool,
    /// Whether the waiting node is the other's fallback.
    pub fallback: bool,
    /// Whether it follows from other edges: where c waits for b, and b for a, that c waits for a changes nothing.
    pub redundant: bool,
}

/// A template that reads a node's variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedRead {
    /// The field of the waiting node that the template stands in, such as `userPrompt`.
    pub field: String,
    /// The variable that it reads.
    pub variable: String,
}

impl WorkflowPlan {
    /// The plan of a stored version, whose document is `workflow`; `list` is the model list, where there is one.
    #[must_use]
    pub fn of(stored: &StoredWorkflow, workflow: &Workflow, list: Option<&ModelList>) -> Self {
        let plan = workflow.plan();
        let nodes: Vec<PlannedNodeView> = workflow
            .nodes
            .iter()
            .map(|node| PlannedNodeView::of(node, &plan, list))
            .collect();
        let most_usd = nodes.iter().map(|node| node.most_usd).sum();
        Self {
            id: stored.id.clone(),
            version: stored.version,
            edges: edges(workflow, &plan),
            longest_path: plan.longest_path().into_iter().map(str::to_owned).collect(),
            lanes: plan.lanes(|_| false, workflow.limits.max_concurrency),
            most_usd,
            nodes,
        }
    }
}

impl PlannedNodeView {
    fn of(node: &Node, plan: &Plan, list: Option<&ModelList>) -> Self {
        let most = node.kind.most_before_run(list).map_err(|model| match list {
            Some(_) => format!("OpenRouter lists no price for `{model}`"),
            None => "no model list was read yet: read it with POST /models/refresh".to_owned(),
        });
        let attempts = node.retry.max_attempts;
        let each = most.as_ref().ok().map(|most| most.usd);
        let of_list = node.for_each.is_some() && each.is_some_and(|each| !each.is_zero());
        let no_length = "how many items the list has is known only in the run";
        Self {
            id: node.id.clone(),
            kind: node.kind.type_name().to_owned(),
            variable_name: node.variable_name.clone(),
            for_each: node.for_each.is_some(),
            rank: plan.node(&node.id).map_or(0, |node| node.rank),
            max_attempts: attempts,
            most_usd_per_attempt: each,
            usd_per_million_inserted: most
                .as_ref()
                .ok()
                .and_then(|most| most.usd_per_million_inserted),
            most_usd: each
                .filter(|_| !of_list)
                .map(|each| each * Decimal::from(attempts)),
            unpriced: most.err().or(of_list.then(|| no_length.to_owned())),
        }
    }
}

/// The edges of the document's graph, each with all its reasons.
fn edges(workflow: &Workflow, plan: &Plan) -> Vec<PlannedEdge> {
    let mut reasons: BTreeMap<(usize, usize), BTreeSet<Why>> = BTreeMap::new();
    for Need { node, needed, why } in workflow.needs() {
        reasons.entry((node, needed)).or_default().insert(why);
    }
    let id = |place: usize| workflow.nodes.get(place).map(|node| node.id.clone());
    let edge = |((node, needed), why): ((usize, usize), BTreeSet<Why>)| {
        let needs = plan.at(node).map(|planned| &planned.needs);
        Some(PlannedEdge {
            from: id(needed)?,
            to: id(node)?,
            depends_on: why.contains(&Why::DependsOn),
            fallback: why.contains(&Why::Fallback),
            reads: why.into_iter().filter_map(read).collect(),
            redundant: needs.is_some_and(|needs| !needs.contains(&needed)),
        })
    };
    reasons.into_iter().filter_map(edge).collect()
}

fn read(why: Why) -> Option<PlannedRead> {
    match why {
        Why::Reads { field, variable } => Some(PlannedRead { field, variable }),
        Why::Fallback | Why::DependsOn => None,
    }
}
