//! `GET /workflows`: every workflow.

use steps_api::WorkflowPage;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// A page of the workflows, without their documents.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let limit = request.number("limit", 1..=100, 50)?;
    let page = app
        .store
        .workflows()
        .list(limit as usize, request.query("cursor"))
        .await?;
    Answer::json(200, &WorkflowPage::from(page))
}
