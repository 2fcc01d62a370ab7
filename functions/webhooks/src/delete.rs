//! `DELETE /workflows/{id}/webhooks/{webhook}`: deletes a webhook and its secret.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// Deletes the secret, then the record: without it nobody could find the secret again. A try that got no further than the
/// secret is repeated.
pub(crate) async fn delete(app: &App, workflow: &str, name: &str) -> Result<Answer, Problem> {
    let webhook = app.store.webhooks().get(workflow, name).await?;
    if let Some(at) = &webhook.secret {
        app.secrets.delete(&at.id).await?;
    }
    app.store.webhooks().remove(workflow, name).await?;
    Ok(Answer::empty())
}
