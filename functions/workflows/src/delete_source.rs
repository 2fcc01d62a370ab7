//! `DELETE /workflows/{id}/sources/{arn}`: from now on a queue, topic or bucket no longer starts a workflow.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// Deletes the source of the workflow.
pub(crate) async fn delete_source(app: &App, workflow: &str, arn: &str) -> Result<Answer, Problem> {
    app.store.sources().delete(arn, workflow).await?;
    Ok(Answer::empty())
}
