//! The routes and the events of start-run.

use serde_json::Value;
use steps_lambda::{Answer, Request, Task};
use steps_problem::Problem;
use steps_starts::{NotStarted, answer, check_size, skipped, wait};

use crate::app::App;
use crate::aws_event::{read, unknown};
use crate::{eventbridge, hook, rerun, resume, run, s3, schedule, sns, sqs};

/// Answers a request by the route that API Gateway matched.
pub(crate) async fn request(app: &App, request: &Request) -> Result<Answer, Problem> {
    check_size(request)?;
    let wait = wait(request)?;
    let id = || request.parameter("id");
    let started = match request.route() {
        "POST /workflows/{id}/runs" => run::run(app, id()?, request).await,
        "POST /hooks/{id}" => hook::hook(app, id()?, request).await,
        "POST /runs/{id}/resume" => resume::resume(app, id()?, request).await,
        "POST /runs/{id}/rerun" => rerun::rerun(app, id()?, request).await,
        _ => return Err(request.no_route()),
    };
    match started {
        Err(NotStarted::Skipped(why)) => skipped(&why),
        started => answer(&app.store, request, (wait, app.most_waiters), &started?).await,
    }
}

/// Answers an event that is not HTTP, told by its shape.
pub(crate) async fn event(app: &App, task: Task<Value>) -> Result<Value, Problem> {
    let event = &task.event;
    let service = event
        .pointer("/Records/0/eventSource")
        .or_else(|| event.pointer("/Records/0/EventSource"));
    if let Some(service) = service.and_then(Value::as_str) {
        return match service {
            "aws:sqs" => sqs::messages(app, &task).await,
            "aws:sns" => sns::notifications(app, &task).await,
            "aws:s3" => s3::objects(app, &task).await,
            _ => Err(unknown(&format!("records of `{service}`"))),
        };
    }
    if event.get("schedule").is_some() {
        return schedule::scheduled(app, &read(event)?, &task.request_id).await;
    }
    if event.get("workflow").is_some() && event.get("event").is_some() {
        return eventbridge::wired(app, &read(event)?, &task.request_id).await;
    }
    Err(unknown("an event of another shape"))
}
