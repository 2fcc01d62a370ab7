//! `GET /runs/{id}/nodes/{node}/items`: the items of a node's list, in its order.

use steps_api::ItemPage;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// A page of the items that have begun.
pub(crate) async fn list_items(
    app: &App,
    run: &str,
    node: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let limit = request.number("limit", 1..=100, 20)?;
    let cursor = request.query("cursor");
    let page = ItemPage::read(&app.store, (run, node), limit as usize, cursor).await?;
    Answer::json(200, &page)
}
