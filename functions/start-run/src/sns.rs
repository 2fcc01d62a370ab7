//! Notifications of an SNS topic.

use serde::Deserialize;
use serde_json::Value;
use steps_lambda::Task;
use steps_problem::Problem;
use steps_starts::Delivery;

use crate::app::App;
use crate::aws_event::{object_or_body, outcome, read, records, shown, start_by_source, trigger};

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

/// Starts a run for each notification.
pub(crate) async fn notifications(app: &App, task: &Task<Value>) -> Result<Value, Problem> {
    let mut outcomes = Vec::new();
    for record in records(task) {
        let Notification { sns } = read(record)?;
        let delivery = Delivery::event(
            trigger("sns", record),
            format!("sns:{}", sns.message_id),
            object_or_body(&sns.message),
        );
        let started = start_by_source(app, &sns.topic_arn, delivery).await?;
        outcomes.push(outcome(started)?);
    }
    Ok(shown(&outcomes))
}
