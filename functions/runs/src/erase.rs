//! `DELETE /runs/{id}`: the texts of a run go, what it cost stays.

use jiff::Timestamp;
use steps_api::RunView;
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_store::{Erased, millis};
use steps_workflow::Workflow;

use crate::app::App;

/// Erases the run's input, prompts, answers and objects. A repeat answers the same.
pub(crate) async fn erase(app: &App, id: &str) -> Result<Answer, Problem> {
    let erased = app
        .store
        .runs()
        .erase(id, Timestamp::now(), Workflow::ledger_of)
        .await?;
    match erased {
        Erased::Done => Answer::json(200, &RunView::read(&app.store, id).await?),
        Erased::GoesOn(status) => Err(Problem::new(
            409,
            "RunNotEnded",
            "Run Not Ended",
            format!("the run is {}: it needs its texts", status.as_str()),
        )
        .solution([
            "Cancel it with POST /runs/{id}/cancel, or wait for its end",
            "Then delete it again",
        ])),
        Erased::NotBefore(time) => Err(Problem::new(
            409,
            "RunNotEnded",
            "Run Not Ended",
            format!(
                "the run has ended, but a function may still write an answer of it until {}",
                millis::text(time)
            ),
        )
        .solution(["Delete it again after that time"])
        .retryable(true)),
    }
}
