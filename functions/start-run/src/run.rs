//! `POST /workflows/{id}/runs`: starts a run of a workflow.

use serde_json::{Map, Value};
use steps_api::NewRun;
use steps_lambda::Request;
use steps_problem::Problem;
use steps_starts::{Door, NotStarted, Start, Started, delivery};

use crate::app::App;

/// Starts a run with the body's `input`.
pub(crate) async fn run(app: &App, id: &str, request: &Request) -> Result<Started, NotStarted> {
    let delivery = delivery(request, Door::Token("api"), run_input(request)?)?;
    let document = app.store.workflows().get(id).await?;
    app.starts.start(Start::new(&document, &delivery)).await
}

fn run_input(request: &Request) -> Result<Value, Problem> {
    let body: NewRun = request.json_or_default()?;
    Ok(body.input.unwrap_or_else(|| Map::new().into()))
}
