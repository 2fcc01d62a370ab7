//! A batch of the queue. A post that fails goes back to the queue, and each pause is longer; after the queue's last try
//! it is kept as a dead letter.

use serde::{Deserialize, Serialize};
use steps_problem::Problem;

use crate::app::App;
use crate::deliver::deliver;

/// The first pause, and how it grows: 5 s, 15 s, 45 s, 2, 7, 20 minutes, an hour.
const FIRST_PAUSE_SECONDS: i32 = 5;

const GROWTH: i32 = 3;

const LONGEST_PAUSE_SECONDS: i32 = 3600;

/// SQS's event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Event {
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    receipt_handle: String,
    /// The name of the execution that ended.
    body: String,
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
struct Attributes {
    #[serde(rename = "ApproximateReceiveCount")]
    receive_count: String,
}

/// The messages that stay in the queue.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// Posts every run of the batch; those that were not taken are told, so that SQS brings only them again.
pub(crate) async fn handle(app: &App, event: Event) -> Result<Report, Problem> {
    let mut report = Report::default();
    for record in event.records {
        let run = &record.body;
        let tries: u32 = record.attributes.receive_count.parse().unwrap_or(1);
        match deliver(app, run).await {
            Ok(()) => tracing::info!(run, tries, "callback delivered"),
            Err(problem) => {
                let cause = problem.redacted().cause;
                tracing::warn!(run, tries, cause, "callback not delivered");
                hide(app, &record.receipt_handle, pause(tries)).await;
                report.batch_item_failures.push(Failure {
                    item_identifier: record.message_id,
                });
            }
        }
    }
    Ok(report)
}

/// Where this fails, the message comes back after the queue's own time.
async fn hide(app: &App, receipt_handle: &str, seconds: i32) {
    let hidden = app
        .sqs
        .change_message_visibility()
        .queue_url(&app.queue_url)
        .receipt_handle(receipt_handle)
        .visibility_timeout(seconds)
        .send()
        .await;
    if let Err(error) = hidden {
        tracing::warn!(%error, "the pause could not be set");
    }
}

fn pause(tries: u32) -> i32 {
    GROWTH
        .saturating_pow(tries.saturating_sub(1))
        .saturating_mul(FIRST_PAUSE_SECONDS)
        .min(LONGEST_PAUSE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<i32> = (1..=8).map(pause).collect();
        assert_eq!(pauses, [5, 15, 45, 135, 405, 1215, 3600, 3600]);
        assert_eq!(pause(u32::MAX), 3600);
    }
}
