//! `GET /workflows/{id}/webhooks`: a workflow's webhooks.

use serde_json::{Value, json};
use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;
use crate::shown::shown;

/// Every webhook of the workflow, without its secret.
pub(crate) async fn list(app: &App, workflow: &str) -> Result<Answer, Problem> {
    // An unknown workflow is told from one without webhooks.
    app.store.workflows().must_exist(workflow).await?;
    let webhooks = app.store.webhooks().list(workflow).await?;
    let webhooks: Vec<Value> = webhooks.iter().map(shown).collect();
    Answer::json(200, &json!({ "webhooks": webhooks }))
}
