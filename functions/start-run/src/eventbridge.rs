//! An event of an EventBridge rule, whose target names the workflow.

use serde::Deserialize;
use serde_json::{Map, Value};
use steps_problem::Problem;
use steps_starts::{Delivery, Start};

use crate::app::App;
use crate::aws_event::{outcome, shown, trigger};

/// What an EventBridge target's InputTransformer makes.
#[derive(Debug, Deserialize)]
pub(crate) struct Wired {
    workflow: String,
    event: Map<String, Value>,
}

/// Starts the workflow with the event's `detail` as the input.
pub(crate) async fn wired(app: &App, wired: &Wired, request_id: &str) -> Result<Value, Problem> {
    let event = &wired.event;
    let input = match event.get("detail") {
        Some(Value::Object(detail)) => detail.clone(),
        _ => event.clone(),
    };
    let id = event.get("id").and_then(Value::as_str);
    let delivery = Delivery::event(
        trigger("eventbridge", &Value::Object(event.clone())),
        format!("eventbridge:{}", id.unwrap_or(request_id)),
        Value::Object(input),
    )
    .by(&format!("eventbridge/{}", source(event)));
    let document = app.store.workflows().get(&wired.workflow).await?;
    let started = app.starts.start(Start::new(&document, &delivery)).await;
    Ok(shown(&[outcome(started)?]))
}

/// What sent the event, such as `aws.s3`.
fn source(event: &Map<String, Value>) -> &str {
    let source = event.get("source").and_then(Value::as_str);
    source.unwrap_or("unknown")
}
