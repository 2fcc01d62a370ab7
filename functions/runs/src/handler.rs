//! Reads only.

use serde_json::json;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_runs::{RunFilter, RunStatus, Store};

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Runs {
    pub(crate) store: Store,
}

impl Runs {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let (method, path) = request.route();
        match (method, path.as_slice()) {
            ("GET", ["runs"]) => self.list(request).await,
            ("GET", ["runs", id]) => Answer::json(200, &self.store.run_view(id).await?),
            ("GET", ["runs", id, "nodes", node]) => {
                Answer::json(200, &self.store.run_node_view(id, node).await?)
            }
            _ => Err(request.no_route()),
        }
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
