//! What the events of AWS have in common: how they are read, which workflow they start, and what is answered.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use steps_lambda::Task;
use steps_problem::Problem;
use steps_starts::{Delivery, NotStarted, Start, Started};
use steps_store::Trigger;

use crate::app::App;

/// Reads an event, or a record of one, as a known shape.
pub(crate) fn read<T: DeserializeOwned>(event: &Value) -> Result<T, Problem> {
    serde::Deserialize::deserialize(event)
        .map_err(|error: serde_json::Error| unknown(&error.to_string()))
}

/// The problem of an event that no door of this function takes.
pub(crate) fn unknown(what: &str) -> Problem {
    Problem::new(
        400,
        "UnknownEvent",
        "Unknown Event",
        format!("start-run was invoked with an event that it cannot read: {what}"),
    )
    .solution([
        "From an EventBridge rule, give the target an InputTransformer that makes {\"workflow\": ID, \"event\": <aws.events.event.json>}",
        "From a queue, topic or bucket, invoke it directly with that service's own records",
    ])
}

/// The records of a batch.
pub(crate) fn records(task: &Task<Value>) -> &[Value] {
    task.event
        .get("Records")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The trigger of an event, which templates see whole as `trigger.event`.
pub(crate) fn trigger(kind: &str, event: &Value) -> Trigger {
    Trigger {
        kind: kind.to_owned(),
        context: json!({ "event": event }),
    }
}

/// A JSON object's fields are the input; any other text is its `body`.
pub(crate) fn object_or_body(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        _ => json!({ "body": text }),
    }
}

/// What became of an event.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is a run.
    Run(Started),
    /// It is none, and nothing has failed: the code that says why.
    Skipped(String),
}

/// What became of a start that an event asked for. One that is switched off, or that `limits.maxRuns` skips, has not failed:
/// the event is not brought again.
pub(crate) fn outcome(started: Result<Started, NotStarted>) -> Result<Outcome, Problem> {
    match started {
        Ok(started) => Ok(Outcome::Run(started)),
        Err(reason) if reason.is_meant() => {
            let problem = Problem::from(reason);
            tracing::info!(code = problem.code, cause = problem.cause, "no run");
            Ok(Outcome::Skipped(problem.code))
        }
        Err(other) => Err(other.into()),
    }
}

/// Starts the workflow that has this queue, topic or bucket as a source, and no other.
pub(crate) async fn start_by_source(
    app: &App,
    arn: &str,
    delivery: Delivery,
) -> Result<Result<Started, NotStarted>, Problem> {
    let workflow = app.store.sources().workflow_of(arn).await?.ok_or_else(|| {
        Problem::new(
            403,
            "SourceNotWired",
            "Source Not Wired",
            format!("no workflow has `{arn}` as a source: its event started no run"),
        )
        .solution([format!(
            "Name the workflow that it starts with PUT /workflows/{{id}}/sources/{arn}"
        )])
    })?;
    let document = app.store.workflows().get(&workflow).await?;
    let delivery = delivery.by(&format!("source/{arn}"));
    Ok(app.starts.start(Start::new(&document, &delivery)).await)
}

/// What the caller of the function is told.
pub(crate) fn shown(outcomes: &[Outcome]) -> Value {
    let runs: Vec<Value> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Run(run) => json!({ "runId": run.run_id, "repeated": run.repeated }),
            Outcome::Skipped(code) => json!({ "skipped": true, "code": code }),
        })
        .collect();
    json!({ "runs": runs })
}
