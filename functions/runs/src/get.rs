//! `GET /runs/{id}`: one run, with its nodes; without their texts; or what it does meanwhile.

use steps_api::RunView;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::events;

/// The run with its input, its texts as far as they fit, and every node. With `wait` or `after`, its events instead.
pub(crate) async fn get(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    if request
        .query_names()
        .any(|name| matches!(name, "wait" | "after"))
    {
        return events::poll(app, id, request).await;
    }
    let view = match request.query("texts") {
        Some("false") => RunView::read_without_texts(&app.store, id).await?,
        _ => RunView::read(&app.store, id).await?,
    };
    Answer::json(200, &view)
}
