//! What a workflow's stored document needs to run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use steps_problem::Problem;
use steps_store::{Credential, NodeRecord, NodeStatus};
use steps_workflow::Workflow;

/// The id of the credential behind each reference in the document, as it is at this moment.
///
/// # Errors
/// `CredentialNotFound` where a reference names none of `known`.
pub fn credential_ids(
    workflow: &Workflow,
    known: &[Credential],
) -> Result<BTreeMap<String, String>, Problem> {
    let mut ids = BTreeMap::new();
    for node in &workflow.nodes {
        for (_, reference) in node.kind.credentials() {
            let credential = Credential::find(known, reference)?;
            ids.insert(reference.to_owned(), credential.id.clone());
        }
    }
    Ok(ids)
}

/// When a run that starts, or goes on, at this moment is over.
pub fn deadline(workflow: &Workflow, at: Timestamp) -> Timestamp {
    let limit = i64::try_from(workflow.limits.timeout_seconds).unwrap_or(i64::MAX);
    at + SignedDuration::from_secs(limit)
}

/// The ids of the nodes that have their answers.
pub fn answered(nodes: &BTreeMap<String, NodeRecord>) -> BTreeSet<&str> {
    nodes
        .iter()
        .filter(|(_, node)| node.status == NodeStatus::Succeeded)
        .map(|(id, _)| id.as_str())
        .collect()
}
