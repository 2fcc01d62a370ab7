//! The routes of the reference.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::{document, error_page, workflow_schema};

/// Answers a request by the route that API Gateway matched.
pub(crate) fn handle(request: &Request) -> Result<Answer, Problem> {
    match request.route() {
        "GET /errors/{code}" => error_page::error_page(request.parameter("code")?),
        "GET /schema/workflow.json" => workflow_schema::workflow_schema(),
        "GET /openapi.json" => document::document(),
        _ => Err(request.no_route()),
    }
}
