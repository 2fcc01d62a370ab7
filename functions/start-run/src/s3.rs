//! Events of an S3 bucket: what happened to its objects.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use steps_lambda::Task;
use steps_problem::Problem;
use steps_starts::Delivery;

use crate::app::App;
use crate::aws_event::{read, records, shown, start_by_source, trigger};

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
    let mut started = Vec::new();
    for record in records(task) {
        let ObjectEvent { event_name, s3 } = read(record)?;
        let key = s3.object.key.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8_lossy();
        let change = s3.object.sequencer.as_deref().unwrap_or(&task.request_id);
        let delivery = Delivery {
            trigger: trigger("s3", record),
            identity: Some(format!("s3:{}/{key}@{change}", s3.bucket.name)),
            fingerprint: None,
            callback_url: None,
            input: json!({
                "bucket": s3.bucket.name,
                "key": key,
                "size": s3.object.size,
                "eventName": event_name,
            }),
        };
        started.push(start_by_source(app, &s3.bucket.arn, &delivery).await?);
    }
    Ok(shown(&started))
}
