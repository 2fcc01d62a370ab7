//! `GET /workflows/{id}/sources`: the queues, topics and buckets that may start a workflow.

use serde_json::json;
use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// The workflow's sources.
pub(crate) async fn list_sources(app: &App, workflow: &str) -> Result<Answer, Problem> {
    app.store.workflows().must_exist(workflow).await?;
    let sources = app.store.sources().list(workflow).await?;
    Answer::json(200, &json!({ "sources": sources }))
}
