//! The routes of tokens and of the audit.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{audit, create, get, list, revoke};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    let id = || request.parameter("id");
    let actor = &request.caller().into();
    match request.route() {
        "POST /tokens" => create::create(app, request.json()?, actor).await,
        "GET /tokens" => list::list(app, request).await,
        "GET /tokens/{id}" => get::get(app, id()?).await,
        "DELETE /tokens/{id}" => revoke::revoke(app, id()?, actor).await,
        "GET /audit" => audit::audit(app, request).await,
        _ => Err(request.no_route()),
    }
}
