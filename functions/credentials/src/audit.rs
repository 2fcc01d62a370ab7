//! `GET /credentials/{id}/audit`: who did what to a credential, and when.

use steps_api::AuditPage;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// A page of what was done to it, the newest first. A deleted credential is found by its id.
pub(crate) async fn audit(
    app: &App,
    reference: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let limit = request.number("limit", 1..=100, 50)?;
    let known = app.store.credentials().get(reference).await;
    let id = known
        .as_ref()
        .map_or(reference, |credential| credential.id.as_str());
    let page = app
        .store
        .credentials()
        .audit_of(id, limit as usize, request.query("cursor"))
        .await?;
    if page.rows.is_empty() && request.query("cursor").is_none() {
        known?;
    }
    Answer::json(200, &AuditPage::from(page))
}
