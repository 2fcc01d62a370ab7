//! Every event that is not HTTP, told by its shape.

use serde::de::DeserializeOwned;
use serde_json::Value;
use steps_lambda::Task;
use steps_problem::Problem;

use crate::start::StartRun;

impl StartRun {
    pub(crate) async fn event(&self, task: Task<Value>) -> Result<Value, Problem> {
        let event = &task.event;
        let service = event
            .pointer("/Records/0/eventSource")
            .or_else(|| event.pointer("/Records/0/EventSource"));
        if let Some(service) = service.and_then(Value::as_str) {
            return match service {
                "aws:sqs" => self.messages(&task).await,
                "aws:sns" => self.notifications(&task).await,
                "aws:s3" => self.objects(&task).await,
                _ => Err(unknown(&format!("records of `{service}`"))),
            };
        }
        if event.get("schedule").is_some() {
            return self.scheduled(&read(event)?, &task.request_id).await;
        }
        if event.get("workflow").is_some() && event.get("event").is_some() {
            return self.wired(&read(event)?, &task.request_id).await;
        }
        Err(unknown("an event of another shape"))
    }
}

pub(crate) fn read<T: DeserializeOwned>(event: &Value) -> Result<T, Problem> {
    serde::Deserialize::deserialize(event)
        .map_err(|error: serde_json::Error| unknown(&error.to_string()))
}

fn unknown(what: &str) -> Problem {
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
