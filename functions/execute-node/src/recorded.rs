//! A unit of a recorded run: claimed, called, settled. A finished unit is never called again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use steps_nodes::{Ended, INVALID_OUTPUT, Prepared};
use steps_problem::Problem;
use steps_store::{Claim, Claimed, Lease, NodeRecord, Reserve, RunStatus, Unit, Work, timed_out};
use steps_workflow::Node;
use tokio::time::{Instant, timeout};

use crate::answer::Answer;
use crate::app::App;
use crate::attempt::{OpenAttempt, settle};
use crate::budgets::{budgets, over_budget};
use crate::context::{ToTry, add_item, context, what_to_try};
use crate::costs::recover_costs;
use crate::deadlines::{CLOSING_TIME, LAST_WORDS, LEASE, RECOVERY_TIME, left};
use crate::event::NodeOfRun;
use crate::executed::{Executed, UnitOfRun};
use crate::known_run::KnownRun;
use crate::lease::Watch;
use crate::list;
use crate::scope::RunScope;

/// Executes a node in a task that has no lane, from a state machine of an earlier release.
pub(crate) async fn execute_alone(
    app: &App,
    task: &NodeOfRun,
    remaining: Duration,
) -> Result<Answer, Problem> {
    let unit = UnitOfRun {
        run_id: &task.run_id,
        take: task.execution,
        lane: 0,
        unit: &task.node_id,
        seen: None,
    };
    // AWS may take its time: what is left is counted to a moment, not from one.
    let until = Instant::now() + remaining;
    let known = app.known_runs.get(unit.run_id);
    Ok(
        match execute(app, &unit, &task.needs, known, until).await? {
            Executed::Done { .. } => Answer::Succeeded { output: None },
            Executed::Wait(answer) => answer,
            // No document of those releases has a list, or a node that waits for something else.
            Executed::Opened { .. } | Executed::Paused { .. } => Answer::look_again(60),
        },
    )
}

/// The least time for a try that corrects what the one before has left behind, where it is made by the same function.
const TO_CORRECT: Duration = Duration::from_secs(60);

/// Executes a unit as [`execute_once`] does, and once more where the try has left something behind that the next one corrects at
/// once.
pub(crate) async fn execute(
    app: &App,
    of: &UnitOfRun<'_>,
    reads: &[String],
    known: Option<Arc<KnownRun>>,
    until: Instant,
) -> Result<Executed, Problem> {
    loop {
        let executed = execute_once(app, of, reads, known.clone(), until).await?;
        match executed {
            Executed::Wait(Answer::Wait { seconds: 0, .. })
                if Instant::now() + TO_CORRECT < until => {}
            Executed::Wait(Answer::Wait { seconds: 0, code }) => {
                return Ok(Executed::Wait(Answer::Wait { seconds: 1, code }));
            }
            other => return Ok(other),
        }
    }
}

/// Executes a unit: answers what is known of it already, or tries it once and writes down how that ended. It reads the
/// outputs of the nodes in `reads`.
async fn execute_once(
    app: &App,
    of: &UnitOfRun<'_>,
    reads: &[String],
    known: Option<Arc<KnownRun>>,
    until: Instant,
) -> Result<Executed, Problem> {
    let nodes = app.store.nodes();
    let unit = Unit::of(of.unit);
    let texts = known.as_ref().map(|known| &known.texts);
    let work = nodes.work(of.run_id, of.unit, reads, texts).await?;
    if let Some(seen) = of.seen {
        seen.set(Some(work.run.part));
    }
    if let Some(known) = known_answer(&work, of.take, Timestamp::now()) {
        return known;
    }
    let known = match known {
        Some(known) => known,
        None => app.known_runs.learn(of.run_id, &work.run.texts)?,
    };
    let workflow = &known.workflow;
    let node = workflow.node(unit.node());
    let node = node.ok_or_else(|| work.run.no_node(unit.node()))?;
    if work.node.as_ref().is_some_and(NodeRecord::is_given) {
        return settle_given(app, &work, of).await;
    }
    let scope = RunScope::new(app, &work.run, (node, of.unit), until);
    let scope = scope.after(work.node.as_ref());
    let scope = scope.continued(workflow.continues(node));
    scope.heard().watched(work.watched_until);
    let started = Timestamp::now();
    let mut context = context(&work, workflow);
    let mut names = workflow.variables();
    let to_try = match (unit.index(), node.list()) {
        (Some(index), _) => {
            let item = if list::is_last(node, unit) {
                let last = list::last_item(app, of.run_id, node).await?;
                last.unwrap_or_default()
            } else {
                let lists = &app.known_lists;
                let item = lists.item(&app.store, of.run_id, unit.node(), index);
                item.await?
            };
            add_item(&mut context, &mut names, item, index);
            Ok(ToTry::Call)
        }
        (None, list) => what_to_try(&work, workflow, node, list.as_deref(), &context, &names),
    };
    let prepared = match to_try {
        Ok(ToTry::Nothing) => return skip(app, &work, of, started).await,
        Ok(ToTry::Items(items)) => {
            let claim = to_claim(&work, of, started);
            return list::open(app, &claim, &items).await;
        }
        Ok(ToTry::Call) => prepare(app, &work, node, (&context, &names), &scope).await,
        Err(problem) => Err(problem),
    };
    let (lease, prepared) = match claim(app, &work, of, prepared, started).await? {
        Ok(granted) => granted,
        Err(busy) => return busy,
    };
    let lease = lease.paid_by(payer(&work, node));
    let scope = scope.under(&lease);
    let ended = match prepared {
        Ok(prepared) => run(app, &lease, prepared, &scope).await,
        Err(problem) => Err(problem.into()),
    };
    let lease = lease.watched(scope.heard().is_watched());
    let open = OpenAttempt {
        work: &work,
        node,
        unit,
        lease: &lease,
        started,
        until: until + CLOSING_TIME - LAST_WORDS,
    };
    let (answer, unpriced) = settle(app, &open, scope.receipt(), ended).await;
    let answer = look_once_more(app, of, answer).await;
    // The end is written: what is not known in time is asked for later.
    let goes_on = match &answer {
        Ok(Executed::Wait(_) | Executed::Paused { .. }) => true,
        Ok(_) => of.lane > 0 && known.goes_on_behind(unit),
        Err(_) => false,
    };
    let recovered = recover_costs(&scope, unpriced, !goes_on);
    if timeout(RECOVERY_TIME, recovered).await.is_err() {
        tracing::info!(run = of.run_id, node = of.unit, "costs are asked for later");
    }
    answer
}

/// Of a unit that has just paused: its message may have come before anybody knew that it waits. Then it is tried again.
async fn look_once_more(
    app: &App,
    of: &UnitOfRun<'_>,
    executed: Result<Executed, Problem>,
) -> Result<Executed, Problem> {
    match &executed {
        Ok(Executed::Paused {
            awaits: Some(name), ..
        }) if app.store.nodes().is_told(of.run_id, name).await? => Ok(Executed::look_again(1)),
        _ => executed,
    }
}

/// The answer where the unit needs no try now: it has ended, waits, is in another function's hands, or its run is over.
fn known_answer(work: &Work, take: u32, now: Timestamp) -> Option<Result<Executed, Problem>> {
    if work.of_list.as_ref().is_some_and(|list| list.is_done()) {
        // Another item has ended the list.
        return Some(Ok(Executed::done(false)));
    }
    // A node that was given its output by hand waits for nothing.
    let of_node = work.node.as_ref().filter(|record| !record.is_given());
    of_node
        .and_then(|record| already(record, work.told, take, now))
        .or_else(|| check_goes_on(work, take, now).err().map(Err))
}

/// The id of the credential that pays for the node's calls, where it has one.
fn payer<'a>(work: &'a Work, node: &Node) -> Option<&'a str> {
    let credentials = node.kind.credentials();
    let (_, reference) = credentials.first()?;
    work.run.credential_of(reference).ok()
}

/// What the node needs to be tried, and what is to be held back for it.
struct Ready {
    prepared: Prepared,
    reserve: Option<Reserve>,
}

/// Renders the node's templates and, where a budget covers it, sets what it may cost at most.
async fn prepare(
    app: &App,
    work: &Work,
    node: &Node,
    (context, names): (&Value, &[&str]),
    scope: &RunScope<'_>,
) -> Result<Ready, Problem> {
    let mut prepared = node.kind.prepare(context, names)?;
    if let Some(draft) = draft(app, work).await? {
        prepared.mend(&draft);
    }
    if scope.is_continued {
        prepared.keep_conversation();
    }
    let credentials = node.kind.credentials();
    let credentials: Vec<&str> = credentials.iter().map(|(_, name)| *name).collect();
    let budgets = budgets(&app.day_limits, &app.store, &work.run, &credentials).await?;
    let reserve = if budgets.is_empty() {
        None
    } else {
        let most = prepared.most_usd(scope).await?;
        most.map(|usd| Reserve { usd, budgets })
    };
    Ok(Ready { prepared, reserve })
}

/// What an earlier try of this execution of the run has left behind to be corrected.
async fn draft(app: &App, work: &Work) -> Result<Option<Value>, Problem> {
    let of_this = |record: &&NodeRecord| record.has_failed_by(INVALID_OUTPUT, work.run.execution);
    match work.node.as_ref().filter(of_this) {
        Some(record) => Ok(app.store.nodes().output(record).await?),
        None => Ok(None),
    }
}

/// Ends a node that is not executed.
async fn skip(
    app: &App,
    work: &Work,
    of: &UnitOfRun<'_>,
    now: Timestamp,
) -> Result<Executed, Problem> {
    if app.store.nodes().skip(&to_claim(work, of, now)).await? {
        tracing::info!(run = of.run_id, node = of.unit, "skipped");
        return Ok(Executed::done(true));
    }
    Ok(Executed::look_again(1))
}

/// Settles a node with the output that it was given by hand.
async fn settle_given(app: &App, work: &Work, of: &UnitOfRun<'_>) -> Result<Executed, Problem> {
    let claim = to_claim(work, of, Timestamp::now());
    if app.store.nodes().settle_given(&claim).await? {
        tracing::info!(run = of.run_id, node = of.unit, "settled by hand");
        return Ok(Executed::done(true));
    }
    Ok(Executed::look_again(1))
}

/// What is claimed for this try.
fn to_claim<'a>(work: &'a Work, of: &UnitOfRun<'a>, now: Timestamp) -> Claim<'a> {
    Claim {
        run_id: of.run_id,
        execution: of.take,
        lane: of.lane,
        workflow_id: &work.run.workflow_id,
        node_id: of.unit,
        seen: work.node.as_ref(),
        now,
        lease: LEASE,
        watched: work.watched_until.is_some_and(|until| now < until),
        reserve: None,
    }
}

/// The lease with what is to be done under it, or the answer where another function was faster.
type Granted = Result<(Lease, Result<Prepared, Problem>), Result<Executed, Problem>>;

/// Takes the node. A node that could not be prepared, or that no budget covers, is taken too: its attempt fails.
async fn claim(
    app: &App,
    work: &Work,
    of: &UnitOfRun<'_>,
    ready: Result<Ready, Problem>,
    now: Timestamp,
) -> Result<Granted, Problem> {
    let (prepared, reserve) = match ready {
        Ok(Ready { prepared, reserve }) => (Ok(prepared), reserve),
        Err(problem) => (Err(problem), None),
    };
    let claim = |reserve| Claim {
        reserve,
        ..to_claim(work, of, now)
    };
    let nodes = app.store.nodes();
    Ok(match nodes.claim(&claim(reserve.as_ref())).await? {
        Claimed::Granted(lease) => Ok((lease, prepared)),
        Claimed::Taken(record) => {
            Err(already(&record, false, of.take, now).unwrap_or(Ok(Executed::look_again(1))))
        }
        Claimed::OverBudget(over) => match nodes.claim(&claim(None)).await? {
            Claimed::Granted(lease) => Ok((lease, Err(over_budget(&over)))),
            _ => Err(Ok(Executed::look_again(1))),
        },
    })
}

/// Tries the node. Meanwhile the lease is kept alive, and the run watched: a run that is cancelled drops its tries.
async fn run(app: &App, lease: &Lease, prepared: Prepared, scope: &RunScope<'_>) -> Ended {
    let mut watch = Watch::new(&app.store, lease, scope.heard());
    watch.over(prepared.run(scope)).await?
}

/// A problem where the run may not go on.
fn check_goes_on(work: &Work, take: u32, now: Timestamp) -> Result<(), Problem> {
    let run = &work.run;
    if run.status != RunStatus::Running || run.execution != take {
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
fn already(
    record: &NodeRecord,
    told: bool,
    take: u32,
    now: Timestamp,
) -> Option<Result<Executed, Problem>> {
    if record.has_paused(take) {
        let is_over = record.wait_until.is_some_and(|until| until <= now);
        let paused = Executed::Paused {
            code: None,
            awaits: None,
        };
        return (!told && !is_over).then_some(Ok(paused));
    }
    if let Some(items) = record.items.as_ref().filter(|_| record.is_open()) {
        return Some(Ok(Executed::Opened { total: items.total }));
    }
    if let Some(wait) = record.claimable_in(take, now) {
        let mut seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        if record.execution < take {
            // A function of the take before still works on it: its answer holds for this one too.
            seconds = seconds.min(look_again_in(record, now));
        }
        return (seconds > 0).then(|| Ok(Executed::look_again(seconds)));
    }
    Some(if record.is_done() {
        Ok(Executed::Done {
            now: false,
            failed: record
                .error
                .clone()
                .filter(|_| record.handled)
                .map(Box::new),
        })
    } else {
        Err(record.failure())
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
