//! What is not taken goes back into the queue, hidden for longer each time; after the queue's last try it is kept as a
//! dead letter. Every try carries the same `webhook-id`, so a receiver can tell a repeated one.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use steps_executions::ExecutionName;
use steps_problem::Problem;
use steps_runs::{RunStatus, Store};

/// What this function works with.
#[derive(Debug)]
pub(crate) struct DeliverCallback {
    pub(crate) store: Store,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) queue_url: String,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) secret_id: String,
    pub(crate) http: reqwest::Client,
}

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

/// The way out. A redirect is not followed: it could lead where no author allowed.
pub(crate) fn http(local: bool) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("openrouter-steps/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        .redirect(Policy::none())
        .https_only(!local)
        .build()
}

impl DeliverCallback {
    pub(crate) async fn handle(&self, event: Event) -> Result<Report, Problem> {
        let mut report = Report::default();
        for record in event.records {
            let run = &record.body;
            let tries: u32 = record.attributes.receive_count.parse().unwrap_or(1);
            match self.deliver(run).await {
                Ok(()) => tracing::info!(run, tries, "callback delivered"),
                Err(problem) => {
                    let cause = problem.redacted().cause;
                    tracing::warn!(run, tries, cause, "callback not delivered");
                    self.hide(&record.receipt_handle, pause(tries)).await;
                    report.batch_item_failures.push(Failure {
                        item_identifier: record.message_id,
                    });
                }
            }
        }
        Ok(report)
    }

    async fn deliver(&self, execution: &str) -> Result<(), Problem> {
        let Some(name) = ExecutionName::parse(execution) else {
            return Ok(());
        };
        let Some(url) = self.store.callback_url(name.run_id).await? else {
            // Its record has expired.
            return Ok(());
        };
        let view = self.store.run_view(name.run_id).await?;
        if view.execution != name.number || view.status == RunStatus::Running {
            // It was resumed: its next end is posted.
            return Ok(());
        }
        let body = serde_json::to_vec(&view).map_err(|error| undelivered(error.to_string()))?;
        let secret =
            steps_secrets::read_text(&self.secrets, &self.secret_id, "callback secret").await?;
        let now = Timestamp::now().as_second();
        let signature = steps_webhooks::sign(&secret, execution, now, &body)
            .ok_or_else(|| undelivered("the callback secret is not base64"))?;
        let answer = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header(steps_webhooks::ID, execution)
            .header(steps_webhooks::TIMESTAMP, now)
            .header(steps_webhooks::SIGNATURE, signature)
            .body(body)
            .send()
            .await
            .map_err(|error| undelivered(innermost(&error.without_url())))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(undelivered(format!("it answered {}", answer.status())))
        }
    }

    /// Where this fails, the message comes back after the queue's own time.
    async fn hide(&self, receipt_handle: &str, seconds: i32) {
        let hidden = self
            .sqs
            .change_message_visibility()
            .queue_url(&self.queue_url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await;
        if let Err(error) = hidden {
            tracing::warn!(%error, "the pause could not be set");
        }
    }
}

fn pause(tries: u32) -> i32 {
    GROWTH
        .saturating_pow(tries.saturating_sub(1))
        .saturating_mul(FIRST_PAUSE_SECONDS)
        .min(LONGEST_PAUSE_SECONDS)
}

/// What lies below an error: `Connection refused` rather than `error sending request`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn undelivered(reason: impl Into<String>) -> Problem {
    Problem::new(
        502,
        "CallbackNotDelivered",
        "Callback Not Delivered",
        reason,
    )
    .retryable(true)
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
