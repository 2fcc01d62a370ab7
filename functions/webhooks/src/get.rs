//! `GET /workflows/{id}/webhooks/{webhook}`: one webhook.

use steps_api::WebhookView;
use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// The webhook, without its secret.
pub(crate) async fn get(app: &App, workflow: &str, name: &str) -> Result<Answer, Problem> {
    let webhook = app.store.webhooks().get(workflow, name).await?;
    Answer::json(200, &WebhookView::from(webhook))
}
