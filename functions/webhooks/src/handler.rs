//! The routes of webhooks.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{delete, get, list, put, rotate};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    let workflow = request.parameter("id")?;
    let name = || request.parameter("webhook");
    match request.route() {
        "GET /workflows/{id}/webhooks" => list::list(app, workflow).await,
        "PUT /workflows/{id}/webhooks/{webhook}" => put::put(app, workflow, name()?, request).await,
        "GET /workflows/{id}/webhooks/{webhook}" => get::get(app, workflow, name()?).await,
        "POST /workflows/{id}/webhooks/{webhook}/rotate" => {
            rotate::rotate(app, workflow, name()?, request).await
        }
        "DELETE /workflows/{id}/webhooks/{webhook}" => delete::delete(app, workflow, name()?).await,
        _ => Err(request.no_route()),
    }
}
