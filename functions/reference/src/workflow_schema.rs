//! `GET /schema/workflow.json`: the JSON Schema of the workflow document.

use steps_lambda::Answer;
use steps_problem::Problem;

/// The schema that documents are validated with.
pub(crate) fn workflow_schema() -> Result<Answer, Problem> {
    let schema = serde_json::to_string_pretty(&steps_workflow::schema());
    let schema = schema.map_err(Problem::unwritable)?;
    Ok(Answer::text("application/schema+json", schema))
}
