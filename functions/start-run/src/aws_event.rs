//! The doors of EventBridge, SQS, SNS and S3. A queue, topic or bucket starts the workflow that its owner named it a
//! source of, and nothing else; EventBridge's rule names the workflow itself.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use steps_lambda::Task;
use steps_problem::Problem;
use steps_runs::Trigger;

use crate::event::read;
use crate::start::{Delivery, StartRun, Started};

/// What one start may take: less than this before Lambda's deadline none is begun.
const ONE_START: Duration = Duration::from_secs(5);

/// What an EventBridge target's InputTransformer makes.
#[derive(Debug, Deserialize)]
pub(crate) struct Wired {
    workflow: String,
    event: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
    #[serde(rename = "eventSourceARN")]
    queue_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notification {
    sns: Published,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Published {
    message_id: String,
    topic_arn: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectEvent {
    event_name: String,
    s3: Place,
}

#[derive(Deserialize)]
struct Place {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
    arn: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    size: Option<u64>,
    sequencer: Option<String>,
}

impl StartRun {
    /// An event of an EventBridge rule, whose target names the workflow.
    pub(crate) async fn wired(&self, wired: &Wired, request_id: &str) -> Result<Value, Problem> {
        let event = &wired.event;
        let input = match event.get("detail") {
            Some(Value::Object(detail)) => detail.clone(),
            _ => event.clone(),
        };
        let id = event.get("id").and_then(Value::as_str);
        let delivery = Delivery {
            trigger: trigger("eventbridge", &Value::Object(event.clone())),
            identity: Some(format!("eventbridge:{}", id.unwrap_or(request_id))),
            callback_url: None,
            input: Value::Object(input),
        };
        let started = self.start(&wired.workflow, &delivery).await?;
        Ok(shown(&[started]))
    }

    /// A batch of a queue: the messages that started no run are told, so that SQS brings only them again.
    pub(crate) async fn messages(&self, task: &Task<Value>) -> Result<Value, Problem> {
        let mut failed = Vec::new();
        for record in records(task) {
            let message: Message = read(record)?;
            // In a FIFO queue none may overtake one that failed.
            let behind = message.queue_arn.ends_with(".fifo") && !failed.is_empty();
            if behind || task.remaining() < ONE_START {
                failed.push(message.message_id);
                continue;
            }
            let delivery = Delivery {
                trigger: trigger("sqs", record),
                identity: Some(format!("sqs:{}", message.message_id)),
                callback_url: None,
                input: object_or_body(&message.body),
            };
            if let Err(problem) = self.start_by_source(&message.queue_arn, &delivery).await {
                let problem = problem.redacted();
                tracing::warn!(
                    message = message.message_id,
                    queue = message.queue_arn,
                    code = problem.code,
                    cause = problem.cause,
                    "a message started no run"
                );
                failed.push(message.message_id);
            }
        }
        let failed: Vec<Value> = failed
            .iter()
            .map(|id| json!({ "itemIdentifier": id }))
            .collect();
        Ok(json!({ "batchItemFailures": failed }))
    }

    /// Notifications of a topic.
    pub(crate) async fn notifications(&self, task: &Task<Value>) -> Result<Value, Problem> {
        let mut started = Vec::new();
        for record in records(task) {
            let Notification { sns } = read(record)?;
            let delivery = Delivery {
                trigger: trigger("sns", record),
                identity: Some(format!("sns:{}", sns.message_id)),
                callback_url: None,
                input: object_or_body(&sns.message),
            };
            started.push(self.start_by_source(&sns.topic_arn, &delivery).await?);
        }
        Ok(shown(&started))
    }

    /// What happened to objects of a bucket.
    pub(crate) async fn objects(&self, task: &Task<Value>) -> Result<Value, Problem> {
        let mut started = Vec::new();
        for record in records(task) {
            let ObjectEvent { event_name, s3 } = read(record)?;
            let key = s3.object.key.replace('+', " ");
            let key = percent_decode_str(&key).decode_utf8_lossy();
            let change = s3.object.sequencer.as_deref().unwrap_or(&task.request_id);
            let delivery = Delivery {
                trigger: trigger("s3", record),
                identity: Some(format!("s3:{}/{key}@{change}", s3.bucket.name)),
                callback_url: None,
                input: json!({
                    "bucket": s3.bucket.name,
                    "key": key,
                    "size": s3.object.size,
                    "eventName": event_name,
                }),
            };
            started.push(self.start_by_source(&s3.bucket.arn, &delivery).await?);
        }
        Ok(shown(&started))
    }

    async fn start_by_source(&self, arn: &str, delivery: &Delivery) -> Result<Started, Problem> {
        let workflow = self.store.workflow_of_source(arn).await?.ok_or_else(|| {
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
        self.start(&workflow, delivery).await
    }
}

fn records(task: &Task<Value>) -> &[Value] {
    task.event
        .get("Records")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn trigger(kind: &str, event: &Value) -> Trigger {
    Trigger {
        kind: kind.to_owned(),
        context: json!({ "event": event }),
    }
}

/// A JSON object's fields are the input; any other text is its `body`.
fn object_or_body(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        _ => json!({ "body": text }),
    }
}

fn shown(started: &[Started]) -> Value {
    let runs: Vec<Value> = started
        .iter()
        .map(|started| json!({ "runId": started.run_id, "repeated": started.repeated }))
        .collect();
    json!({ "runs": runs })
}
