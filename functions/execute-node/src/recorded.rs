//! A node of a recorded run: claimed, called, settled. A finished node is never called again.

use std::time::Duration;

use jiff::Timestamp;
use steps_openrouter::{ChatRequest, Completion};
use steps_problem::Problem;
use steps_store::{
    Attempt, Claim, Claimed, Lease, NodeRecord, NodeStatus, Reserve, RunStatus, Work, timed_out,
};
use steps_workflow::{Kind, Node, OpenRouterNode, Workflow};
use tokio::time::{Instant, timeout};

use crate::answer::Answer;
use crate::app::App;
use crate::attempt::{OpenAttempt, attempt, settle};
use crate::budgets::{budgets, over_budget};
use crate::call::{CallError, call};
use crate::context::context;
use crate::costs::recover_costs;
use crate::deadlines::{CLOSING_TIME, LAST_WORDS, LEASE, RECOVERY_TIME, left, timeouts};
use crate::event::NodeOfRun;
use crate::lease::Watch;
use crate::price::ceiling;
use crate::request::chat_request;

/// Executes a node: answers what is known of it already, or calls its model once and writes down how that ended.
pub(crate) async fn execute(
    app: &App,
    task: &NodeOfRun,
    remaining: Duration,
) -> Result<Answer, Problem> {
    let NodeOfRun {
        run_id,
        execution,
        node_id,
        needs,
    } = task;
    let execution = *execution;
    // AWS may take its time: what is left is counted to a moment, not from one.
    let call_until = Instant::now() + remaining;
    let work = app.store.nodes().work(run_id, node_id, needs).await?;
    let now = Timestamp::now();
    if let Some(record) = &work.node
        && let Some(done) = already(record, execution, now)
    {
        return done;
    }
    check_goes_on(&work, execution, now)?;
    let workflow = work.run.document(Workflow::from_stored)?;
    let node = workflow.node(node_id);
    let node = node.ok_or_else(|| work.run.no_node(node_id))?;
    let Kind::OpenRouter(openrouter) = &node.kind;
    let prepared = prepare(app, &work, &workflow, openrouter).await;
    let now = Timestamp::now();
    let claim = |reserve| Claim {
        run_id,
        execution,
        workflow_id: &work.run.workflow_id,
        node_id,
        seen: work.node.as_ref(),
        now,
        lease: LEASE,
        reserve,
    };
    let reserve = prepared
        .as_ref()
        .ok()
        .and_then(|prepared| prepared.reserve.as_ref());
    let (lease, prepared) = match app.store.nodes().claim(&claim(reserve)).await? {
        Claimed::Granted(lease) => (lease, prepared),
        Claimed::Taken(record) => {
            return already(&record, execution, now).unwrap_or(Ok(Answer::look_again(1)));
        }
        Claimed::OverBudget(over) => match app.store.nodes().claim(&claim(None)).await? {
            Claimed::Granted(lease) => (lease, Err(over_budget(&over))),
            _ => return Ok(Answer::look_again(1)),
        },
    };
    let answered = match prepared {
        Ok(prepared) => {
            let limit = call_until.saturating_duration_since(Instant::now());
            let run_left = left(work.run.deadline, Timestamp::now());
            answer(app, &lease, &prepared, node, limit.min(run_left)).await
        }
        Err(problem) => Err(problem.into()),
    };
    let attempt = attempt(now, &answered);
    let earlier = work
        .node
        .as_ref()
        .map_or(&[][..], |record| record.attempts.as_slice());
    let mut unpriced: Vec<(usize, Attempt)> = earlier
        .iter()
        .chain([&attempt])
        .cloned()
        .enumerate()
        .filter(|(_, attempt)| attempt.is_unpriced())
        .collect();
    if let Some((index, last)) = unpriced.last_mut()
        && *index == earlier.len()
    {
        last.reserved = lease.reserved().cloned();
    }
    let open = OpenAttempt {
        work: &work,
        node,
        lease: &lease,
        unpriced: !unpriced.is_empty(),
        until: call_until + CLOSING_TIME - LAST_WORDS,
    };
    let ended = settle(app, &open, attempt, answered).await;
    // The end is written: what is not known in time is asked for later.
    let recovered = recover_costs(app, &work.run, node, unpriced, &ended);
    if timeout(RECOVERY_TIME, recovered).await.is_err() {
        tracing::info!(run = run_id, node = node_id, "costs are asked for later");
    }
    ended
}

/// A problem where the run may not go on.
fn check_goes_on(work: &Work, execution: u32, now: Timestamp) -> Result<(), Problem> {
    let run = &work.run;
    if run.status != RunStatus::Running || run.execution != execution {
        let cause = match run.status {
            RunStatus::Running => {
                "the run was resumed: another execution goes on with it".to_owned()
            }
            status => format!("the run is {} already", status.as_str()),
        };
        return Err(Problem::new(409, "RunEnded", "Run Ended", cause)
            .solution(["Resume the run, or start the workflow again"]));
    }
    if left(run.deadline, now).is_zero() {
        return Err(timed_out(None));
    }
    Ok(())
}

/// The answer for a node that needs no call now: it has ended, waits, or is in another function's hands.
fn already(record: &NodeRecord, execution: u32, now: Timestamp) -> Option<Result<Answer, Problem>> {
    if let Some(wait) = record.claimable_in(execution, now) {
        let mut seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        if record.execution < execution {
            // A function of the execution before still works on it: its answer holds for this one too.
            seconds = seconds.min(look_again_in(record, now));
        }
        return (seconds > 0).then(|| Ok(Answer::look_again(seconds)));
    }
    Some(match record.status {
        NodeStatus::Succeeded => Ok(Answer::Succeeded { output: None }),
        _ => Err(record.failure()),
    })
}

/// How many seconds until a node in another function's hands is looked at again: the longer it has taken, the later.
fn look_again_in(record: &NodeRecord, now: Timestamp) -> u64 {
    let started = record
        .attempts
        .last()
        .map_or(now, |attempt| attempt.started_at);
    (left(now, started).as_secs() / 4).max(2)
}

/// What a node needs to be called.
struct Prepared {
    request: ChatRequest,
    credential_id: String,
    reserve: Option<Reserve>,
}

async fn prepare(
    app: &App,
    work: &Work,
    workflow: &Workflow,
    node: &OpenRouterNode,
) -> Result<Prepared, Problem> {
    let known: Vec<&str> = workflow
        .nodes
        .iter()
        .map(|node| node.variable_name.as_str())
        .collect();
    let mut request = chat_request(node, &context(work, workflow), &known)?;
    let credential_id = work.run.credential_of(&node.credential)?.to_owned();
    let budgets = budgets(&app.day_limits, &app.store, &work.run, &credential_id).await?;
    let reserve = if budgets.is_empty() {
        None
    } else {
        let ceiling = ceiling(&request, &app.catalogue, &app.openrouter).await?;
        ceiling.keep_to(&mut request);
        Some(Reserve {
            usd: ceiling.most(&request),
            budgets,
        })
    };
    Ok(Prepared {
        request,
        credential_id,
        reserve,
    })
}

/// Calls the model. Meanwhile the generation's id is written down, the lease kept alive, and the run watched: a
/// run that is cancelled drops its calls.
async fn answer(
    app: &App,
    lease: &Lease,
    prepared: &Prepared,
    node: &Node,
    limit: Duration,
) -> Result<Completion, CallError> {
    let limits = timeouts(node.timeout_seconds, limit);
    let mut watch = Watch::new(&app.store, lease);
    let call = call(app, &prepared.credential_id, &prepared.request, &limits);
    let call = watch.over(call).await??;
    let generation_id = call.generation_id().map(str::to_owned);
    let note = note(app, lease, generation_id.clone());
    match watch
        .over(async { tokio::join!(call.finish(), note).0 })
        .await
    {
        Ok(completion) => completion.map_err(CallError::from),
        Err(cancelled) => Err(CallError {
            generation_id,
            ..cancelled.into()
        }),
    }
}

async fn note(app: &App, lease: &Lease, generation_id: Option<String>) {
    if let Some(id) = generation_id {
        tracing::info!(generation = id, "generation begun");
        if let Err(error) = app.store.nodes().note_generation(lease, &id).await {
            tracing::warn!(%error, generation = id, "the generation's id could not be noted");
        }
    }
}
