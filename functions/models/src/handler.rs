//! The routes of models.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{describe, list, refresh};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    match request.route() {
        "GET /models" => list::list(app, request).await,
        "POST /models/refresh" => refresh::refresh(app, request).await,
        // An id may hold a slash more: `openai/gpt-4o@preset/mail`.
        "GET /models/{proxy+}" => {
            describe::describe(app, request.parameter("proxy")?, request).await
        }
        _ => Err(request.no_route()),
    }
}
