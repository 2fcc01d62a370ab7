//! Events of an S3 bucket: what happened to its objects.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use steps_lambda::Task;
use steps_problem::Problem;
use steps_starts::Delivery;

use crate::app::App;
use crate::aws_event::{outcome, read, records, shown, start_by_source, trigger};

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

/// Starts a run for each object.
pub(crate) async fn objects(app: &App, task: &Task<Value>) -> Result<Value, Problem> {
    let mut outcomes = Vec::new();
    for record in records(task) {
        let ObjectEvent { event_name, s3 } = read(record)?;
        let key = s3.object.key.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8_lossy();
        let change = s3.object.sequencer.as_deref().unwrap_or(&task.request_id);
        let delivery = Delivery::event(
            trigger("s3", record),
            format!("s3:{}/{key}@{change}", s3.bucket.name),
            json!({
                "bucket": s3.bucket.name,
                "key": key,
                "size": s3.object.size,
                "eventName": event_name,
            }),
        );
        let started = start_by_source(app, &s3.bucket.arn, delivery).await?;
        outcomes.push(outcome(started)?);
    }
    Ok(shown(&outcomes))
}
