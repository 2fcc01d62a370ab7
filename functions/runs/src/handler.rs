//! The routes of runs.

use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::{
    approvals, cancel, deliveries, erase, events, get, get_file, get_node, give_output, list,
    list_items, signal,
};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Answer, Problem> {
    let id = || request.parameter("id");
    match request.route() {
        "GET /runs" => list::list(app, request).await,
        "GET /runs/{id}" => get::get(app, id()?, request).await,
        "GET /runs/{id}/events" => events::redirect(app, id()?, request).await,
        "POST /runs/{id}/events-token" => events::make_token(app, id()?, request).await,
        "GET /runs/{id}/files/{file}" => {
            get_file::get_file(app, id()?, request.parameter("file")?, request).await
        }
        "GET /runs/{id}/nodes/{node}" => {
            get_node::get_node(app, id()?, request.parameter("node")?, request).await
        }
        "PUT /runs/{id}/nodes/{node}/output" => {
            give_output::give_output(app, id()?, request.parameter("node")?, request).await
        }
        "GET /runs/{id}/nodes/{node}/items" => {
            list_items::list_items(app, id()?, request.parameter("node")?, request).await
        }
        "GET /runs/{id}/nodes/{node}/items/{index}" => {
            get_node::get_item(app, id()?, request.parameter("node")?, request).await
        }
        "DELETE /runs/{id}" => erase::erase(app, id()?).await,
        "POST /runs/{id}/cancel" => cancel::cancel(app, id()?, request).await,
        "GET /approvals" => approvals::list(app, request).await,
        "POST /runs/{id}/nodes/{node}/approve" => {
            let of = (id()?, request.parameter("node")?);
            approvals::decide(app, of, true, request).await
        }
        "POST /runs/{id}/nodes/{node}/reject" => {
            let of = (id()?, request.parameter("node")?);
            approvals::decide(app, of, false, request).await
        }
        "POST /runs/{id}/nodes/{node}/approval-link" => {
            let of = (id()?, request.parameter("node")?);
            approvals::link(app, of, request).await
        }
        "POST /runs/{id}/signals/{name}" => {
            signal::send(app, id()?, request.parameter("name")?, request).await
        }
        "GET /runs/{id}/deliveries" => deliveries::list(app, id()?).await,
        "POST /runs/{id}/deliveries/{delivery}/resend" => {
            deliveries::resend(app, id()?, request.parameter("delivery")?).await
        }
        _ => Err(request.no_route()),
    }
}
