//! `GET /workflows/{id}/sources`: the queues, topics and buckets that may start a workflow.

use steps_api::{SourceList, SourceView};
use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// The workflow's sources.
pub(crate) async fn list_sources(app: &App, workflow: &str) -> Result<Answer, Problem> {
    app.store.workflows().must_exist(workflow).await?;
    let sources = app.store.sources().list(workflow).await?;
    let sources = sources.into_iter().map(SourceView::from).collect();
    Answer::json(200, &SourceList { sources })
}
