//! The two routes of links.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{decide, show};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    match request.route() {
        "GET /approvals/{token}" => show::show(app, request.parameter("token")?, request).await,
        "POST /approvals/{token}" => {
            decide::decide(app, request.parameter("token")?, request).await
        }
        _ => Err(request.no_route()),
    }
}
