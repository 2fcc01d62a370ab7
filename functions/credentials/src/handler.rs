//! The routes of credentials.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::actor::actor;
use crate::app::App;
use crate::{audit, change, check, create, delete, get, list, restore, rotate};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    let id = || request.parameter("id");
    let actor = &actor(request);
    match request.route() {
        "POST /credentials" => create::create(app, request.json()?, actor).await,
        "GET /credentials" => list::list(app, request).await,
        "GET /credentials/{id}" => get::get(app, id()?).await,
        "PUT /credentials/{id}" => change::change(app, id()?, request.json()?, actor).await,
        "DELETE /credentials/{id}" => delete::delete(app, id()?, request).await,
        "POST /credentials/{id}/check" => check::check(app, id()?, actor).await,
        "POST /credentials/{id}/restore" => restore::restore(app, id()?, request).await,
        "POST /credentials/{id}/rotate" => rotate::rotate(app, id()?, actor).await,
        "GET /credentials/{id}/audit" => audit::audit(app, id()?, request).await,
        _ => Err(request.no_route()),
    }
}
