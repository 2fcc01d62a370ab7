//! The end of an attempt: its answer is stored before success is reported, for as long as the function lives.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use steps_metrics::NodeTry;
use steps_nodes::{Ended, Pause, Receipt, Tried, WaitsFor};
use steps_problem::{MESSAGE, Problem, short};
use steps_store::{
    Attempt, Lease, NodeRecord, Outcome, RUN_ABORTED, RUN_TIMED_OUT, Unit, Waiting, Work, timed_out,
};
use steps_workflow::{Node, OnError, OnItemError};
use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::app::App;
use crate::deadlines::left;
use crate::executed::Executed;
use crate::retry::wait_seconds;

/// A wait for the next attempt that is longer than so many seconds holds no lane.
const LONGEST_IN_LANE: u64 = 300;

/// The longest pause before the end of an attempt is tried to be written again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An attempt that is over, and has to be written down.
pub(crate) struct OpenAttempt<'a> {
    pub(crate) work: &'a Work,
    pub(crate) node: &'a Node,
    /// The node, or the item of its list.
    pub(crate) unit: Unit<'a>,
    pub(crate) lease: &'a Lease,
    pub(crate) started: Timestamp,
    /// When there is no more time for it: an answer may be paid for, so it is tried as long as the function lives.
    pub(crate) until: Instant,
}

/// Writes down how the attempt ended. Gives what has come of it, and the unit's attempts whose cost is not known yet, each
/// with its index.
pub(crate) async fn settle(
    app: &App,
    open: &OpenAttempt<'_>,
    receipt: Receipt,
    ended: Ended,
) -> (Result<Executed, Problem>, Vec<(usize, Attempt)>) {
    let first_token = receipt.first_token_after;
    let attempt = attempt(open.started, receipt);
    let unpriced = unpriced(open, &attempt);
    let cost_usd = attempt.cost_usd;
    let usage = attempt.usage.clone().unwrap_or_default();
    let answer = end(app, open, attempt, ended, !unpriced.is_empty()).await;
    if matches!(&answer, Ok(Executed::Paused { code: None, .. })) {
        // It is no try of the node's work.
        return (answer, unpriced);
    }
    let took = Timestamp::now().duration_since(open.started);
    NodeTry {
        workflow: &open.work.run.workflow_id,
        run: &open.work.run.id,
        node: &open.node.id,
        code: code(&answer),
        took: took.try_into().unwrap_or_default(),
        first_token,
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        cost_usd,
    }
    .write();
    (answer, unpriced)
}

/// The code of what made the attempt fail or wait.
fn code(executed: &Result<Executed, Problem>) -> Option<&str> {
    match executed {
        Ok(Executed::Wait(Answer::Wait { code, .. }) | Executed::Paused { code, .. }) => {
            code.as_deref()
        }
        Ok(_) => None,
        Err(problem) => Some(&problem.code),
    }
}

/// The attempts of the node, the one that ends now included, whose cost OpenRouter has yet to say.
fn unpriced(open: &OpenAttempt<'_>, last: &Attempt) -> Vec<(usize, Attempt)> {
    let record = open.work.node.as_ref();
    let earlier = record.map_or(&[][..], |record| record.attempts.as_slice());
    let last = Attempt {
        reserved: open.lease.reserved().cloned(),
        ..last.clone()
    };
    earlier
        .iter()
        .chain([&last])
        .enumerate()
        .filter(|(_, attempt)| attempt.is_unpriced())
        .map(|(index, attempt)| (index, attempt.clone()))
        .collect()
}

async fn end(
    app: &App,
    open: &OpenAttempt<'_>,
    mut attempt: Attempt,
    ended: Ended,
    unpriced: bool,
) -> Result<Executed, Problem> {
    let OpenAttempt {
        work,
        node,
        unit,
        lease,
        ..
    } = open;
    let name = unit.to_string();
    let now = Timestamp::now();
    let failed = match ended {
        Ok(Tried::Paused(pause)) => return paused(app, open, attempt, pause, unpriced).await,
        Ok(Tried::Done(output)) => {
            let outcome = Outcome::Succeeded(&output);
            let now = write_end(app, open, &attempt, &outcome, unpriced).await?;
            tracing::info!(
                run = work.run.id,
                node = name,
                generation = attempt.generation_id,
                "succeeded"
            );
            return Ok(Executed::done(now));
        }
        Err(failed) => failed,
    };
    let number = u32::try_from(lease.attempt_number()).unwrap_or(u32::MAX);
    let run_left = left(work.run.deadline, now);
    let wait = wait_seconds(&failed, number, node.retry.max_attempts, run_left);
    let draft = failed.draft;
    let problem = failed.problem;
    let problem = if run_left.is_zero() && problem.code != RUN_ABORTED {
        timed_out(None)
    } else {
        problem.redacted()
    };
    attempt.code = Some(problem.code.clone());
    attempt.message = Some(short(&problem.to_string(), MESSAGE));
    attempt.wait_seconds = wait;
    match wait {
        Some(seconds) => {
            let paused = seconds > LONGEST_IN_LANE && lease.has_lane();
            tracing::info!(
                run = work.run.id,
                node = name,
                code = problem.code,
                seconds,
                "waits"
            );
            let outcome = Outcome::Waiting {
                until: now + Duration::from_secs(seconds),
                problem: &problem,
                draft: draft.as_ref(),
                paused,
            };
            let written = write_end(app, open, &attempt, &outcome, unpriced).await?;
            if paused && written {
                let code = Some(problem.code);
                return Ok(Executed::Paused { code, awaits: None });
            }
            let answer = Answer::Wait {
                seconds,
                code: Some(problem.code),
            };
            Ok(Executed::Wait(answer))
        }
        None if is_handled(node, *unit, &problem) => {
            let variable = failure(&problem, draft);
            let outcome = Outcome::Handled(&problem, &variable);
            let now = write_end(app, open, &attempt, &outcome, unpriced).await?;
            tracing::info!(
                run = work.run.id,
                node = name,
                code = problem.code,
                "failed, and the run goes on"
            );
            Ok(Executed::Done {
                now,
                failed: Some(Box::new(problem)),
            })
        }
        None => {
            let shown = draft.map(|draft| failure(&problem, Some(draft)));
            let outcome = Outcome::Failed(&problem, shown.as_ref());
            write_end(app, open, &attempt, &outcome, unpriced).await?;
            Err(problem)
        }
    }
}

/// Writes down that the unit waits without a lane. It is tried again at the run's deadline at the latest: it fails then.
async fn paused(
    app: &App,
    open: &OpenAttempt<'_>,
    attempt: Attempt,
    pause: Pause,
    unpriced: bool,
) -> Result<Executed, Problem> {
    let deadline = open.work.run.deadline;
    let before = open.work.node.as_ref().and_then(NodeRecord::own_pause);
    let kept = steps_store::Pause {
        since: before.map_or_else(Timestamp::now, |pause| pause.since),
        until: pause.until,
        awaits: pause.awaits,
        shown: pause.shown,
    };
    let waiting = match pause.waits_for {
        WaitsFor::Time => Waiting::Time,
        WaitsFor::Signal => Waiting::Signal,
        WaitsFor::Approval => Waiting::Approval,
    };
    let outcome = Outcome::Paused {
        waiting,
        until: pause.until.map_or(deadline, |until| until.min(deadline)),
        pause: &kept,
    };
    let attempt = Attempt {
        paused: true,
        ..attempt
    };
    let unit = open.unit.to_string();
    if !write_end(app, open, &attempt, &outcome, unpriced).await? {
        return Ok(Executed::look_again(1));
    }
    tracing::info!(
        run = open.work.run.id,
        node = unit,
        waits_for = waiting.as_str(),
        "paused"
    );
    Ok(Executed::Paused {
        code: None,
        awaits: kept.awaits,
    })
}

/// Whether the run goes on after this failure of the unit. It does not go on past its own end.
fn is_handled(node: &Node, unit: Unit<'_>, problem: &Problem) -> bool {
    let of_run = [RUN_ABORTED, RUN_TIMED_OUT];
    let list = node.list().filter(|_| unit.index().is_some());
    let kept = list.is_some_and(|list| list.on_item_error == OnItemError::Keep);
    (kept || node.on_error != OnError::Fail) && !of_run.contains(&problem.code.as_str())
}

/// The variable that tells of a failure, and of what came of the node all the same.
pub(crate) fn failure(problem: &Problem, draft: Option<Value>) -> Value {
    let mut variable = json!({"error": {"code": problem.code, "cause": problem.cause}});
    if let (Some(fields), Some(Value::Object(draft))) = (variable.as_object_mut(), draft) {
        fields.extend(draft);
    }
    variable
}

/// Writes the end of the attempt; gives whether it is known to have been written by this call. Where the store refuses
/// it for good, a short failure is written instead: the money stays counted, the texts are left out, and the run fails at
/// once under the store's own code.
async fn write_end(
    app: &App,
    open: &OpenAttempt<'_>,
    attempt: &Attempt,
    outcome: &Outcome<'_>,
    unpriced: bool,
) -> Result<bool, Problem> {
    let problem = match write(app, open, attempt, outcome, unpriced).await {
        Err(error) if !error.passes() => Problem::from(error),
        written => return Ok(written?),
    };
    tracing::warn!(
        run = open.work.run.id,
        node = %open.unit,
        cause = problem.cause,
        "the attempt's end is refused: a short one is written"
    );
    let short = Attempt {
        code: Some(problem.code.clone()),
        message: None,
        wait_seconds: None,
        ..attempt.clone()
    };
    write(
        app,
        open,
        &short,
        &Outcome::Failed(&problem, None),
        unpriced,
    )
    .await?;
    Err(problem)
}

/// Writes the end of the attempt, again and again where the trouble may pass.
async fn write(
    app: &App,
    open: &OpenAttempt<'_>,
    attempt: &Attempt,
    outcome: &Outcome<'_>,
    unpriced: bool,
) -> Result<bool, steps_store::Error> {
    let nodes = app.store.nodes();
    let mut pause = Duration::from_millis(200);
    loop {
        let now = Timestamp::now();
        let settled = nodes.settle(open.lease, attempt, outcome, unpriced, now);
        let error = match settled.await {
            Ok(now) => return Ok(now),
            Err(error) => error,
        };
        if !error.passes() || Instant::now() + pause > open.until {
            return Err(error);
        }
        tracing::warn!(%error, "the attempt's end could not be written yet");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The attempt that ends now.
fn attempt(started: Timestamp, receipt: Receipt) -> Attempt {
    Attempt {
        started_at: started,
        ended_at: Some(Timestamp::now()),
        generation_id: receipt.generation_id,
        model: receipt.model,
        cost_usd: receipt.cost_usd,
        usage: receipt.usage.filter(|usage| !usage.is_empty()),
        provider: receipt.provider,
        ..Attempt::default()
    }
}
