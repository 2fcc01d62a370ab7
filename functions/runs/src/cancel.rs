//! `POST /runs/{id}/cancel`: ends a run that is not wanted any more.

use steps_api::{CancelRun, RunView};
use steps_key::redact;
use steps_lambda::{Answer, Request};
use steps_lanes::stop_executions;
use steps_problem::Problem;
use steps_store::{Ended, RunStatus};

use crate::app::App;

/// Most characters of a reason.
const LONGEST_REASON: usize = 1000;

/// How often it is tried.
const TRIES: usize = 3;

/// Ends the run's record, then stops its execution. The record comes first: from then on no node begins, and
/// functions that work on one drop their calls.
pub(crate) async fn cancel(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let body: CancelRun = request.json_or_default()?;
    let why: String = match body.reason {
        Some(reason) => redact(&reason).chars().take(LONGEST_REASON).collect(),
        None => "the run was cancelled".to_owned(),
    };
    let mut run = app.store.runs().head(id).await?;
    // More than once where a run that waits is let in at this moment.
    for _ in 0..TRIES {
        if run.status.has_ended() {
            break;
        }
        app.store
            .runs()
            .end(id, &Ended::cancelled(run.execution, &why))
            .await?;
        run = app.store.runs().head(id).await?;
    }
    if run.status != RunStatus::Aborted {
        return Err(Problem::new(
            409,
            "RunEnded",
            "Run Ended",
            format!("the run is {} already", run.status.as_str()),
        )
        .solution(["Nothing has to be done: the run does not go on"]));
    }
    // Also where the run was cancelled before: that cancel may have failed before it stopped the execution.
    stop_executions(&app.store, &app.executions, (id, run.execution), &why).await?;
    Answer::json(200, &RunView::read(&app.store, id).await?)
}
