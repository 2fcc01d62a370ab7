//! `DELETE /workflows/{id}/webhooks/{webhook}`: deletes a webhook and its secret.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// Deletes the record, then the secret.
pub(crate) async fn delete(app: &App, workflow: &str, name: &str) -> Result<Answer, Problem> {
    let removed = app.store.webhooks().remove(workflow, name).await?;
    if let Some(at) = &removed.secret {
        app.secrets.delete(&at.id).await?;
    }
    Ok(Answer::empty())
}
