//! The routes of workflows.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{
    delete, delete_source, get, import, list, list_sources, plan, put, put_source, switch, vars,
};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    let id = || request.parameter("id");
    let name = || request.parameter("name");
    let arn = || request.parameter("arn");
    match request.route() {
        "GET /workflows" => list::list(app, request).await,
        "PUT /workflows/{id}" => put::put(app, id()?, request).await,
        "POST /workflows/import" => import::import(app, request).await,
        "GET /workflows/{id}" => get::get(app, id()?, request).await,
        "GET /workflows/{id}/plan" => plan::plan(app, id()?, request).await,
        "DELETE /workflows/{id}" => delete::delete(app, id()?).await,
        "GET /workflows/{id}/switch" => switch::get(app, Some(id()?)).await,
        "PUT /workflows/{id}/switch" => switch::put(app, Some(id()?), request).await,
        "GET /switch" => switch::get(app, None).await,
        "PUT /switch" => switch::put(app, None, request).await,
        "GET /vars" => vars::list(app).await,
        "GET /vars/{name}" => vars::get(app, name()?).await,
        "PUT /vars/{name}" => vars::put(app, name()?, request).await,
        "DELETE /vars/{name}" => vars::delete(app, name()?).await,
        "GET /workflows/{id}/sources" => list_sources::list_sources(app, id()?).await,
        "PUT /workflows/{id}/sources/{arn}" => put_source::put_source(app, id()?, arn()?).await,
        "DELETE /workflows/{id}/sources/{arn}" => {
            delete_source::delete_source(app, id()?, arn()?).await
        }
        _ => Err(request.no_route()),
    }
}
