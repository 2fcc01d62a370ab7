//! `DELETE /workflows/{id}/sources/{arn}`: a queue, topic or bucket starts a workflow no more.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// Deletes the source of the workflow.
pub(crate) async fn delete_source(app: &App, workflow: &str, arn: &str) -> Result<Answer, Problem> {
    app.store.sources().delete(arn, workflow).await?;
    Ok(Answer::empty())
}
