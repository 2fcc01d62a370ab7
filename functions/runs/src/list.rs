//! `GET /runs`: runs, the newest first, of one workflow or one status.

use steps_api::RunPage;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::{RunFilter, RunStatus};

use crate::app::App;

/// A page of runs; the query says of which workflow and status.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let limit = request.number("limit", 1..=100, 20)?;
    let status = request
        .query("status")
        .map(|word| RunStatus::parse(word).ok_or_else(|| unknown_status(word)))
        .transpose()?;
    let filter = RunFilter {
        workflow_id: request.query_name("workflowId")?.map(str::to_owned),
        status,
    };
    let page = app
        .store
        .runs()
        .list(&filter, limit as usize, request.query("cursor"))
        .await?;
    Answer::json(200, &RunPage::from(page))
}

fn unknown_status(word: &str) -> Problem {
    Problem::new(
        400,
        "InvalidRequest",
        "Invalid Request",
        format!("`{word}` is no status of a run"),
    )
    .solution(["Use one of QUEUED, RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED"])
}
