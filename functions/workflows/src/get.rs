//! `GET /workflows/{id}`: one workflow's document.

use steps_api::WorkflowView;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::StoredWorkflow;

use crate::app::App;

/// The newest version, or the one that `?version=` names.
pub(crate) async fn get(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let stored = version(app, id, request).await?;
    Answer::json(200, &WorkflowView::try_from(&stored)?)
}

/// The version that a request asks for.
pub(crate) async fn version(
    app: &App,
    id: &str,
    request: &Request,
) -> Result<StoredWorkflow, Problem> {
    let workflows = app.store.workflows();
    Ok(match request.number("version", 1..=u64::MAX, 0)? {
        0 => workflows.get(id).await?,
        version => workflows.version(id, version).await?,
    })
}
