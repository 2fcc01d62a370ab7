//! A workflow as it is answered.

use serde_json::{Value, json};
use steps_problem::Problem;
use steps_store::{StoredWorkflow, millis};

/// A version with its document.
pub(crate) fn shown(stored: &StoredWorkflow) -> Result<Value, Problem> {
    let document: Value = stored.document(|text| serde_json::from_str(text))?;
    Ok(json!({
        "id": stored.id,
        "version": stored.version,
        "updatedAt": millis::text(stored.updated_at),
        "workflow": document,
    }))
}
