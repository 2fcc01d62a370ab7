//! A batch of an SQS queue.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use steps_lambda::Task;
use steps_problem::Problem;
use steps_starts::{Delivery, NotStarted};

use crate::app::App;
use crate::aws_event::{object_or_body, outcome, read, records, start_by_source, trigger};

/// The time that one start may take. Where less is left before Lambda's deadline, no start is begun.
const ONE_START: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
    #[serde(rename = "eventSourceARN")]
    queue_arn: String,
}

/// Starts a run for each message. The ids of messages that started no run are returned, so that SQS brings only them
/// again.
pub(crate) async fn messages(app: &App, task: &Task<Value>) -> Result<Value, Problem> {
    let mut failed = Vec::new();
    for record in records(task) {
        let message: Message = read(record)?;
        // In a FIFO queue no message is handled before an earlier one that failed.
        let behind = message.queue_arn.ends_with(".fifo") && !failed.is_empty();
        if behind || task.remaining() < ONE_START {
            failed.push(message.message_id);
            continue;
        }
        let delivery = Delivery::event(
            trigger("sqs", record),
            format!("sqs:{}", message.message_id),
            object_or_body(&message.body),
        );
        let started = start_by_source(app, &message.queue_arn, delivery).await;
        let failed_with = match started {
            // It stays in its queue, where it can wait until its workflow is switched on.
            Ok(Err(NotStarted::Disabled(problem))) => Some(*problem),
            Ok(started) => outcome(started).err(),
            Err(problem) => Some(problem),
        };
        if let Some(problem) = failed_with {
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
