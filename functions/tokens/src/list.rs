//! `GET /tokens`: the tokens, without their secrets.

use steps_api::TokenPage;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// A page of them, the newest first.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let limit = request.number("limit", 1..=100, 50)?;
    let page = app
        .store
        .tokens()
        .list(limit as usize, request.query("cursor"))
        .await?;
    Answer::json(200, &TokenPage::from(page))
}
