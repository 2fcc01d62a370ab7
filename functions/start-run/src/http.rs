//! The HTTP doors: `POST /workflows/{id}/runs` and `POST /hooks/{id}`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_runs::{RunStatus, Trigger};
use tokio::time::{Instant, sleep};

use crate::start::{Delivery, StartRun};

/// Longest `?wait=`, seconds: API Gateway gives up after 30.
const LONGEST_WAIT: u64 = 25;

/// Kept back from Lambda's deadline for the answer.
const CLOSING_TIME: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRunBody {
    #[serde(default)]
    input: Option<Value>,
}

impl StartRun {
    pub(crate) async fn http(&self, request: &Request) -> Result<Answer, Problem> {
        let (method, path) = request.route();
        let (workflow, kind, input) = match (method, path.as_slice()) {
            ("POST", ["workflows", id, "runs"]) => {
                let body: Option<NewRunBody> = optional_json(request)?;
                (id, "api", body.and_then(|body| body.input))
            }
            ("POST", ["hooks", id]) => (id, "webhook", optional_json(request)?),
            _ => return Err(request.no_route()),
        };
        let wait = request.number("wait", 0..=LONGEST_WAIT, 0)?;
        let delivery = Delivery {
            trigger: Trigger {
                kind: kind.to_owned(),
                context: json!({}),
            },
            identity: None,
            input: input.unwrap_or_else(|| json!({})),
        };
        let started = self.start(workflow, &delivery).await?;

        let patience = Duration::from_secs(wait);
        let patience = patience.min(request.remaining().saturating_sub(CLOSING_TIME));
        if self.ended_within(&started.run_id, patience).await? {
            return Answer::json(200, &self.store.run_view(&started.run_id).await?);
        }
        let path = format!("/runs/{}", started.run_id);
        let answer = json!({
            "id": started.run_id,
            "workflowId": workflow,
            "status": RunStatus::Running,
            "statusUrl": path,
            "repeated": started.repeated,
        });
        Ok(Answer::json(202, &answer)?.location(path))
    }

    async fn ended_within(&self, run_id: &str, patience: Duration) -> Result<bool, Problem> {
        let end = Instant::now() + patience;
        let mut pause = Duration::from_millis(100);
        while Instant::now() + pause < end {
            sleep(pause).await;
            if self.store.run_status(run_id).await? != RunStatus::Running {
                return Ok(true);
            }
            pause = (pause * 3 / 2).min(Duration::from_secs(1));
        }
        Ok(false)
    }
}

fn optional_json<T: serde::de::DeserializeOwned>(request: &Request) -> Result<Option<T>, Problem> {
    if request.has_body() {
        request.json().map(Some)
    } else {
        Ok(None)
    }
}
