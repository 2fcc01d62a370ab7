//! Runs are read, and cancelled.

use serde::Deserialize;
use serde_json::json;
use steps_executions::{ExecutionName, Executions};
use steps_lambda::{Answer, Request};
use steps_problem::{Problem, redact};
use steps_runs::{Ended, RunFilter, RunStatus, Store};

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Runs {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    #[serde(default)]
    reason: Option<String>,
}

/// Most characters of a reason.
const LONGEST_REASON: usize = 1000;

impl Runs {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        match request.route() {
            "GET /runs" => self.list(request).await,
            "GET /runs/{id}" => {
                let run = self.store.run_view(request.parameter("id")?).await?;
                Answer::json(200, &run)
            }
            "GET /runs/{id}/nodes/{node}" => {
                let (run, node) = (request.parameter("id")?, request.parameter("node")?);
                Answer::json(200, &self.store.run_node_view(run, node).await?)
            }
            "POST /runs/{id}/cancel" => self.cancel(request.parameter("id")?, request).await,
            _ => Err(request.no_route()),
        }
    }

    /// Ends the run's record first: from then on no node begins, and functions that work on one drop their calls.
    async fn cancel(&self, id: &str, request: &Request) -> Result<Answer, Problem> {
        let body: CancelBody = if request.has_body() {
            request.json()?
        } else {
            CancelBody::default()
        };
        let why: String = match body.reason {
            Some(reason) => redact(&reason).chars().take(LONGEST_REASON).collect(),
            None => "the run was cancelled".to_owned(),
        };
        let mut run = self.store.run_head(id).await?;
        if run.status == RunStatus::Running {
            self.store
                .end_run(id, &Ended::cancelled(run.execution, &why))
                .await?;
            run = self.store.run_head(id).await?;
        }
        if run.status != RunStatus::Aborted {
            return Err(Problem::new(
                409,
                "RunEnded",
                "Run Ended",
                format!("the run is {} already", run.status.as_str()),
            )
            .solution(["Nothing: it does not go on"]));
        }
        // Also where it was cancelled before: the execution may not have been stopped then.
        let name = ExecutionName {
            run_id: id,
            number: run.execution,
        };
        self.executions.stop(&name, &why).await?;
        Answer::json(200, &self.store.run_view(id).await?)
    }

    async fn list(&self, request: &Request) -> Result<Answer, Problem> {
        let limit = request.number("limit", 1..=100, 20)?;
        let status = request
            .query("status")
            .map(|word| RunStatus::parse(word).ok_or_else(|| unknown_status(word)))
            .transpose()?;
        let filter = RunFilter {
            workflow_id: request.query("workflowId").map(str::to_owned),
            status,
        };
        let page = self
            .store
            .runs(&filter, limit as usize, request.query("cursor"))
            .await?;
        Answer::json(200, &json!({ "runs": page.rows, "cursor": page.cursor }))
    }
}

fn unknown_status(word: &str) -> Problem {
    Problem::new(
        400,
        "InvalidRequest",
        "Invalid Request",
        format!("`{word}` is no status of a run"),
    )
    .solution(["Use one of RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED"])
}
