//! `GET /audit`: who changed what, and when.

use steps_api::AuditPage;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// A page of rows, the newest first: of one record, or of all.
pub(crate) async fn audit(app: &App, request: &Request) -> Result<Answer, Problem> {
    let limit = request.number("limit", 1..=100, 50)?;
    let subject = request.query_name("subject")?;
    let page = app
        .store
        .audits()
        .list(subject, limit as usize, request.query("cursor"))
        .await?;
    Answer::json(200, &AuditPage::from(page))
}
