//! The one route.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::preview::preview;

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    match request.route() {
        "POST /workflows/preview" => preview(app, request).await,
        _ => Err(request.no_route()),
    }
}
