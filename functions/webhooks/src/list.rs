//! `GET /workflows/{id}/webhooks`: a workflow's webhooks.

use steps_api::{WebhookList, WebhookView};
use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// Every webhook of the workflow, without its secret.
pub(crate) async fn list(app: &App, workflow: &str) -> Result<Answer, Problem> {
    // A workflow that does not exist is a problem; one without webhooks has an empty list.
    app.store.workflows().must_exist(workflow).await?;
    let webhooks = app.store.webhooks().list(workflow).await?;
    let webhooks = webhooks.into_iter().map(WebhookView::from).collect();
    Answer::json(200, &WebhookList { webhooks })
}
