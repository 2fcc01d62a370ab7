//! The routes of schedules.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{delete, get, list, put};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    let workflow = request.parameter("id")?;
    let name = || request.parameter("name");
    match request.route() {
        "GET /workflows/{id}/schedules" => list::list(app, workflow, request).await,
        "PUT /workflows/{id}/schedules/{name}" => put::put(app, workflow, name()?, request).await,
        "PATCH /workflows/{id}/schedules/{name}" => {
            put::patch(app, workflow, name()?, request).await
        }
        "GET /workflows/{id}/schedules/{name}" => get::get(app, workflow, name()?).await,
        "DELETE /workflows/{id}/schedules/{name}" => delete::delete(app, workflow, name()?).await,
        _ => Err(request.no_route()),
    }
}
