//! What a workflow's stored document needs to run.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use steps_problem::Problem;
use steps_runs::{Credential, NodeRecord, NodeStatus};
use steps_workflow::{Kind, Plan, Workflow};

/// Reads a document that was checked when it was stored.
///
/// # Errors
/// `RecordMalformed` where something else wrote it.
pub fn stored_workflow(definition: &str) -> Result<Workflow, Problem> {
    Workflow::from_stored(definition).map_err(|_| {
        steps_runs::Error::Malformed {
            attribute: "definition",
        }
        .into()
    })
}

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
        let Kind::OpenRouter(openrouter) = &node.kind;
        let reference = &openrouter.credential;
        let id = known
            .iter()
            .find(|known| known.id == *reference || known.name == *reference)
            .map(|known| known.id.clone())
            .ok_or_else(|| steps_runs::Error::NotFound {
                what: "credential",
                id: reference.clone(),
            })?;
        ids.insert(reference.clone(), id);
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
