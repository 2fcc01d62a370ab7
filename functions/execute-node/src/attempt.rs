//! The end of an attempt: its answer is stored before success is reported, for as long as the function lives.

use std::time::Duration;

use jiff::Timestamp;
use steps_openrouter::Completion;
use steps_problem::{MESSAGE, Problem, short};
use steps_store::{Attempt, Lease, Outcome, RUN_ABORTED, Work, timed_out};
use steps_workflow::{Kind, Node};
use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::app::App;
use crate::call::CallError;
use crate::deadlines::left;
use crate::node_variable::node_variable;
use crate::request::asks_for_json;
use crate::retry::wait_seconds;

/// The longest pause before the end of an attempt is tried to be written again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An attempt that is over, and has to be written down.
pub(crate) struct OpenAttempt<'a> {
    pub(crate) work: &'a Work,
    pub(crate) node: &'a Node,
    pub(crate) lease: &'a Lease,
    /// Whether OpenRouter has yet to say what it, or an earlier one, cost.
    pub(crate) unpriced: bool,
    /// When there is no more time for it: an answer may be paid for, so it is tried as long as the function lives.
    pub(crate) until: Instant,
}

/// Writes down how the attempt ended, and says it to Step Functions.
pub(crate) async fn settle(
    app: &App,
    open: &OpenAttempt<'_>,
    mut attempt: Attempt,
    answered: Result<Completion, CallError>,
) -> Result<Answer, Problem> {
    let OpenAttempt {
        work, node, lease, ..
    } = open;
    let now = Timestamp::now();
    let Kind::OpenRouter(openrouter) = &node.kind;
    let error = match answered {
        Ok(completion) => {
            let output = node_variable(&completion, asks_for_json(openrouter));
            tracing::info!(
                run = work.run.id,
                node = node.id,
                generation = completion.generation_id,
                model = completion.model,
                provider = completion.provider,
                cost_usd = completion.cost_usd.map(|cost| cost.to_string()),
                "answered"
            );
            let outcome = Outcome::Succeeded(&output);
            write_end(app, open, &attempt, &outcome).await?;
            return Ok(Answer::Succeeded { output: None });
        }
        Err(error) => error,
    };
    let number = u32::try_from(lease.attempt_number()).unwrap_or(u32::MAX);
    let run_left = left(work.run.deadline, now);
    let wait = wait_seconds(&error, number, node.retry.max_attempts, run_left);
    let problem = error.problem;
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
            tracing::info!(
                run = work.run.id,
                node = node.id,
                code = problem.code,
                seconds,
                "waits"
            );
            let outcome = Outcome::Waiting {
                until: now + Duration::from_secs(seconds),
                problem: &problem,
            };
            write_end(app, open, &attempt, &outcome).await?;
            Ok(Answer::Wait {
                seconds,
                code: Some(problem.code),
            })
        }
        None => {
            let outcome = Outcome::Failed(&problem);
            write_end(app, open, &attempt, &outcome).await?;
            Err(problem)
        }
    }
}

/// Writes the end of the attempt. Where the store refuses it for good, a short failure is written instead: the
/// money stays counted, the texts are left out, and the run fails at once under the store's own code.
async fn write_end(
    app: &App,
    open: &OpenAttempt<'_>,
    attempt: &Attempt,
    outcome: &Outcome<'_>,
) -> Result<(), Problem> {
    let problem = match write(app, open, attempt, outcome).await {
        Err(error) if !error.passes() => Problem::from(error),
        written => return Ok(written?),
    };
    tracing::warn!(
        run = open.work.run.id,
        node = open.node.id,
        cause = problem.cause,
        "the attempt's end is refused: a short one is written"
    );
    let short = Attempt {
        code: Some(problem.code.clone()),
        message: None,
        wait_seconds: None,
        ..attempt.clone()
    };
    write(app, open, &short, &Outcome::Failed(&problem)).await?;
    Err(problem)
}

/// Writes the end of the attempt, again and again where the trouble may pass.
async fn write(
    app: &App,
    open: &OpenAttempt<'_>,
    attempt: &Attempt,
    outcome: &Outcome<'_>,
) -> Result<(), steps_store::Error> {
    let nodes = app.store.nodes();
    let mut pause = Duration::from_millis(200);
    loop {
        let now = Timestamp::now();
        let settled = nodes.settle(open.lease, attempt, outcome, open.unpriced, now);
        let Err(error) = settled.await else {
            return Ok(());
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
pub(crate) fn attempt(started: Timestamp, answered: &Result<Completion, CallError>) -> Attempt {
    let (generation_id, cost_usd, usage) = match answered {
        Ok(Completion {
            generation_id,
            cost_usd,
            usage,
            ..
        }) => (generation_id, cost_usd, Some(usage)),
        Err(error) => (&error.generation_id, &error.cost_usd, error.usage.as_ref()),
    };
    Attempt {
        started_at: started,
        ended_at: Some(Timestamp::now()),
        generation_id: generation_id.clone(),
        cost_usd: *cost_usd,
        usage: usage.filter(|usage| !usage.is_empty()).cloned(),
        ..Attempt::default()
    }
}
