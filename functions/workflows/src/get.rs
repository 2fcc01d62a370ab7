//! `GET /workflows/{id}`: one workflow's document.

use steps_api::WorkflowView;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// The newest version, or the one that `?version=` names.
pub(crate) async fn get(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let stored = match request.number("version", 1..=u64::MAX, 0)? {
        0 => app.store.workflows().get(id).await?,
        version => app.store.workflows().version(id, version).await?,
    };
    Answer::json(200, &WorkflowView::try_from(&stored)?)
}
