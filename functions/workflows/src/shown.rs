//! A workflow as it is answered.

use serde_json::{Value, json};
use steps_problem::Problem;
use steps_runs::StoredWorkflow;

/// A version with its document.
pub(crate) fn shown(stored: &StoredWorkflow) -> Result<Value, Problem> {
    let document: Value = serde_json::from_str(&stored.definition).map_err(|_| {
        Problem::from(steps_runs::Error::Malformed {
            attribute: "definition",
        })
    })?;
    Ok(json!({
        "id": stored.id,
        "version": stored.version,
        "updatedAt": stored.updated_at,
        "workflow": document,
    }))
}
