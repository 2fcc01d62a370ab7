//! What the sender of a request is answered once its run has started.

use std::time::Duration;

use steps_api::{RunView, StartedRun};
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::{RunStatus, Store};
use tokio::time::{Instant, sleep};

use crate::starts::Started;

/// Longest `?wait=`, seconds: API Gateway gives up after 30.
const LONGEST_WAIT: u64 = 25;

/// Kept back from Lambda's deadline for the answer.
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// How long the caller waits for the run's end at most, as `?wait=` says, in seconds.
///
/// # Errors
/// `InvalidRequest` where it is no number from 0 to 25.
pub fn wait(request: &Request) -> Result<Duration, Problem> {
    let seconds = request.number("wait", 0..=LONGEST_WAIT, 0)?;
    Ok(Duration::from_secs(seconds))
}

/// The run itself (200) where it ends while the caller waits; else where it can be looked at (202).
pub async fn answer(
    store: &Store,
    request: &Request,
    wait: Duration,
    started: &Started,
) -> Result<Answer, Problem> {
    let patience = wait.min(request.remaining().saturating_sub(CLOSING_TIME));
    let status = status_within(store, started, patience).await?;
    if !wait.is_zero() && status != RunStatus::Running {
        return Answer::json(200, &RunView::read(store, &started.run_id).await?);
    }
    let path = format!("/runs/{}", started.run_id);
    let answer = StartedRun {
        id: started.run_id.clone(),
        workflow_id: started.workflow_id.clone(),
        status,
        status_url: path.clone(),
        repeated: started.repeated,
    };
    Ok(Answer::json(202, &answer)?.location(path))
}

/// Where the run stands once it has ended or the patience is over.
async fn status_within(
    store: &Store,
    started: &Started,
    patience: Duration,
) -> Result<RunStatus, Problem> {
    let end = Instant::now() + patience;
    let mut pause = Duration::from_millis(100);
    let mut status = RunStatus::Running;
    if started.repeated {
        status = store.runs().head(&started.run_id).await?.status;
    }
    while status == RunStatus::Running && Instant::now() + pause < end {
        sleep(pause).await;
        status = store.runs().head(&started.run_id).await?.status;
        pause = (pause * 3 / 2).min(Duration::from_secs(1));
    }
    Ok(status)
}
