//! The route of costs.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::list;

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    match request.route() {
        "GET /costs" => list::list(app, request).await,
        _ => Err(request.no_route()),
    }
}
