//! The routes of webhooks and of callback secrets.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{callback_secret, delete, get, list, put, rotate};

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
        "GET /workflows/{id}/callback-secret" => callback_secret::get(app, workflow).await,
        "POST /workflows/{id}/callback-secret/rotate" => {
            callback_secret::rotate(app, workflow, request).await
        }
        "DELETE /workflows/{id}/callback-secret" => callback_secret::delete(app, workflow).await,
        _ => Err(request.no_route()),
    }
}
