//! What a workflow's stored document needs to run.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use steps_problem::Problem;
use steps_store::{Credential, NodeRecord, NodeStatus};
use steps_workflow::{Plan, Workflow};

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

/// The plan of what has no answer yet.
pub fn unfinished(workflow: &Workflow, nodes: &BTreeMap<String, NodeRecord>) -> Plan {
    workflow.plan().without(|id| {
        nodes
            .get(id)
            .is_some_and(|node| node.status == NodeStatus::Succeeded)
    })
}
