//! The HTTP doors: `POST /workflows/{id}/runs`, `POST /hooks/{id}` and `POST /hooks/{id}/{webhook}`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_runs::RunStatus;
use tokio::time::{Instant, sleep};

use crate::input;
use crate::start::{StartRun, Started};

/// Longest `?wait=`, seconds: API Gateway gives up after 30.
const LONGEST_WAIT: u64 = 25;

/// Kept back from Lambda's deadline for the answer.
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// The route without the authorizer: the webhook's own mode says how the sender is checked.
pub(crate) const WEBHOOK: &str = "POST /hooks/{id}/{webhook}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRunBody {
    #[serde(default)]
    input: Option<Value>,
}

impl StartRun {
    pub(crate) async fn http(&self, request: &Request) -> Result<Answer, Problem> {
        input::check_size(request)?;
        let wait = request.number("wait", 0..=LONGEST_WAIT, 0)?;
        let id = || request.parameter("id");
        let started = match request.route() {
            "POST /runs/{id}/resume" => self.resume(id()?, request).await?,
            "POST /runs/{id}/rerun" => self.rerun(id()?, request).await?,
            "POST /workflows/{id}/runs" => {
                let delivery = self.token_delivery(request, "api", run_input(request)?)?;
                self.start(id()?, &delivery).await?
            }
            "POST /hooks/{id}" => {
                let delivery = self.token_delivery(request, "webhook", input::input(request)?)?;
                self.start(id()?, &delivery).await?
            }
            WEBHOOK => {
                let name = request.parameter("webhook")?;
                let delivery = self.webhook_delivery(id()?, name, request).await?;
                self.start(id()?, &delivery).await?
            }
            _ => return Err(request.no_route()),
        };
        let patience = Duration::from_secs(wait);
        let patience = patience.min(request.remaining().saturating_sub(CLOSING_TIME));
        let status = self.status_within(&started, patience).await?;
        if wait > 0 && status != RunStatus::Running {
            return Answer::json(200, &self.store.run_view(&started.run_id).await?);
        }
        let path = format!("/runs/{}", started.run_id);
        let answer = json!({
            "id": started.run_id,
            "workflowId": started.workflow_id,
            "status": status,
            "statusUrl": path,
            "repeated": started.repeated,
        });
        Ok(Answer::json(202, &answer)?.location(path))
    }

    /// Where the run stands: at once where it has ended or there is no patience, else when it has ended or that is over.
    async fn status_within(
        &self,
        started: &Started,
        patience: Duration,
    ) -> Result<RunStatus, Problem> {
        let end = Instant::now() + patience;
        let mut pause = Duration::from_millis(100);
        let mut status = RunStatus::Running;
        if started.repeated {
            status = self.store.run_head(&started.run_id).await?.status;
        }
        while status == RunStatus::Running && Instant::now() + pause < end {
            sleep(pause).await;
            status = self.store.run_head(&started.run_id).await?.status;
            pause = (pause * 3 / 2).min(Duration::from_secs(1));
        }
        Ok(status)
    }
}

fn run_input(request: &Request) -> Result<Value, Problem> {
    if !request.has_body() {
        return Ok(json!({}));
    }
    let body: NewRunBody = request.json()?;
    Ok(body.input.unwrap_or_else(|| json!({})))
}
