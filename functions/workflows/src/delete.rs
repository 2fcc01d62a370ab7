//! `DELETE /workflows/{id}`: deletes a workflow, its schedules and its sources.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// Deletes the workflow, its schedules and its sources. The last two also where the workflow is gone already: an
/// earlier try may have failed after it deleted the workflow.
pub(crate) async fn delete(app: &App, id: &str) -> Result<Answer, Problem> {
    let deleted = app.store.workflows().delete(id).await;
    app.scheduler.delete_all(id).await?;
    delete_sources(app, id).await?;
    deleted?;
    Ok(Answer::empty())
}

pub(crate) async fn delete_sources(app: &App, workflow: &str) -> Result<(), Problem> {
    for source in app.store.sources().list(workflow).await? {
        match app.store.sources().delete(&source.arn, workflow).await {
            // Someone else has deleted it.
            Ok(()) | Err(steps_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
