//! The one route of receive-webhook.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::receive;

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    match request.route() {
        "POST /hooks/{id}/{webhook}" => {
            let (id, webhook) = (request.parameter("id")?, request.parameter("webhook")?);
            receive::receive(app, id, webhook, request).await
        }
        _ => Err(request.no_route()),
    }
}
