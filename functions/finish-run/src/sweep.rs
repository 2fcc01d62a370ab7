//! By schedule, every minute: units whose time has come. Then runs whose end was not heard of. Their executions are looked up, and the record follows. Then what ends of
//! runs have left undone.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use steps_executions::ExecutionName;
use steps_lanes::{Offered, RunBoard, heal, offer_again};
use steps_metrics::Sweep;
use steps_problem::Problem;
use steps_queue::{end_overdue, start_one, start_waiting};
use steps_store::{Due, DueItem, Ended, RunStatus, timed_out};
use steps_workflow::Workflow;
use tokio::time::Instant;

use crate::app::App;
use crate::follow::{end, follow};
use crate::follow_up::{erase, follow_up};
use crate::timers::sweep_timers;

/// How many runs one sweep looks at.
const AT_ONCE: usize = 100;

/// The time until a gate is looked at again, at which runs wait.
const GATE_PAUSE: Duration = Duration::from_mins(5);

/// The longest time until a run that goes on is looked at again.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Looks at the units whose time has come, at the runs that have been RUNNING for a while, at those that wait, at texts that are
/// not to be kept, at what ends have left undone, and at costs that came late.
pub(crate) async fn sweep(app: &App, until: Instant) -> Result<(), Problem> {
    let swept = [
        sweep_timers(app, until).await,
        sweep_due(app, Due::Run, "Runs").await,
        sweep_due(app, Due::Gate, "Gates").await,
        sweep_due(app, Due::Texts, "Texts").await,
        // After the others, which end runs.
        sweep_ends(app).await,
        sweep_due(app, Due::Entered, "Entered").await,
        sweep_due(app, Due::Unsettled, "Entered").await,
    ];
    swept.into_iter().collect()
}

/// Looks at what is due, the longest due first. What cannot be looked at does not stop the others; where that will not pass, it
/// is looked at again later than they are. `name` is what the metrics call it.
async fn sweep_due(app: &App, what: Due, name: &'static str) -> Result<(), Problem> {
    let now = Timestamp::now();
    let due = app.store.due().list(what, now, AT_ONCE).await?;
    let mut failed = None;
    let mut not_swept = 0;
    for item in &due {
        let looked = match what {
            Due::Gate => look_at_gate(app, item).await,
            Due::Texts => look_at_texts(app, item).await,
            Due::Entered | Due::Unsettled => look_at_costs(app, item).await,
            Due::Run | Due::End | Due::Cost | Due::Timer => look_at(app, item).await,
        };
        if let Err(problem) = looked {
            tracing::warn!(run = item.run_id, code = problem.code, "not looked at");
            if !problem.retryable {
                let due = app.store.due();
                let later = due.again(item, Timestamp::now(), LONGEST_PAUSE);
                if let Err(error) = later.await {
                    tracing::warn!(run = item.run_id, %error, "not put off");
                }
            }
            failed = Some(problem);
            not_swept += 1;
        }
    }
    Sweep {
        name,
        due: due.len(),
        not_swept,
        oldest: due.first().map(|item| item.due_for(now)),
    }
    .write();
    failed.map_or(Ok(()), Err)
}

/// Does what is due in the outboxes of runs, the longest due first.
async fn sweep_ends(app: &App) -> Result<(), Problem> {
    let now = Timestamp::now();
    let due = app.store.due().list(Due::End, now, AT_ONCE).await?;
    let runs: BTreeSet<&str> = due.iter().map(|item| item.run_id.as_str()).collect();
    let mut failed = None;
    let mut not_swept = 0;
    for run in runs {
        if let Err(problem) = follow_up(app, run, |entry| entry.is_due(now)).await {
            tracing::warn!(run, code = problem.code, "not all is done");
            failed = Some(problem);
            not_swept += 1;
        }
    }
    Sweep {
        name: "Ends",
        due: due.len(),
        not_swept,
        oldest: due.first().map(|item| item.due_for(now)),
    }
    .write();
    failed.map_or(Ok(()), Err)
}

/// Ends the runs of a workflow that have waited too long, and starts those for which there is a place.
async fn look_at_gate(app: &App, item: &DueItem) -> Result<(), Problem> {
    let workflow_id = &item.run_id;
    for run_id in end_overdue(&app.store, workflow_id).await? {
        follow_up(app, &run_id, |_| true).await?;
    }
    start_waiting(&app.store, &app.executions, workflow_id).await?;
    let due = app.store.due();
    Ok(due.again(item, Timestamp::now(), GATE_PAUSE).await?)
}

/// Enters what has come of a run's costs since they were entered last.
async fn look_at_costs(app: &App, item: &DueItem) -> Result<(), Problem> {
    let now = Timestamp::now();
    let due = app.store.due();
    match app.store.costs().enter(&item.run_id, now).await? {
        Some(at) => {
            let pause = at.duration_since(now).try_into().unwrap_or_default();
            due.again(item, now, pause).await?;
        }
        // A cost that came meanwhile has made it due anew.
        None => due.done(item).await?,
    }
    Ok(())
}

/// Erases the texts of a run that has ended, where nobody wants them any more.
async fn look_at_texts(app: &App, item: &DueItem) -> Result<(), Problem> {
    let run_id = &item.run_id;
    match app.store.runs().head(run_id).await {
        Ok(run) if run.status.has_ended() => erase(app, run_id).await,
        // It goes on, or waits.
        Ok(_) => {
            let due = app.store.due();
            Ok(due.again(item, Timestamp::now(), LONGEST_PAUSE).await?)
        }
        Err(steps_store::Error::NotFound { .. }) => Ok(app.store.runs().erased(run_id).await?),
        Err(error) => Err(error.into()),
    }
}

async fn look_at(app: &App, item: &DueItem) -> Result<(), Problem> {
    let now = Timestamp::now();
    let run = match app.store.runs().head(&item.run_id).await {
        Ok(run) if run.status == RunStatus::Running => run,
        // The index is a moment behind.
        Ok(_) | Err(steps_store::Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let name = ExecutionName {
        run_id: &item.run_id,
        number: run.execution,
    };
    let Some(execution) = app.executions.find(&name).await? else {
        // Whoever let it in died before it was started.
        if run.queued_at.is_some() && now < run.deadline {
            start_one(&app.store, &app.executions, &name).await?;
            let due = app.store.due();
            return Ok(due.again(item, now, GATE_PAUSE).await?);
        }
        let ended = Ended::now(run.execution, RunStatus::Failed, vanished());
        return end(app, &name, &ended).await;
    };
    if execution.status != RunStatus::Running.as_str() {
        return follow(app, &name, &execution).await;
    }
    if run.is_lost(now) {
        let ended = Ended::now(run.execution, RunStatus::TimedOut, timed_out(None));
        end(app, &name, &ended).await?;
        let why = "the run is long past its time limit";
        return Ok(app.executions.stop(&name, why).await?);
    }
    wake_lanes(app, &name, now).await?;
    // Later and later, as the run gets older.
    let age = Duration::try_from(now.duration_since(run.started_at)).unwrap_or_default();
    let pause = age.min(LONGEST_PAUSE);
    Ok(app.store.due().again(item, now, pause).await?)
}

/// Two functions that died one after the other may have left a ready node, and lanes that sleep.
async fn wake_lanes(app: &App, name: &ExecutionName<'_>, now: Timestamp) -> Result<(), Problem> {
    let lanes = app.store.lanes();
    let asleep = lanes.list(name.run_id).await?;
    if asleep.iter().all(|lane| lane.token.is_none()) {
        return Ok(());
    }
    let (run, nodes) = app.store.nodes().of_run(name.run_id).await?;
    let plan = run.document(Workflow::from_stored)?.plan();
    let board = RunBoard {
        lanes: &lanes,
        tokens: &app.executions,
        plan: &plan,
        run_id: name.run_id,
        take: run.execution,
        lane: 0,
    };
    let done = |id: &str| nodes.get(id).is_some_and(|node| node.is_done());
    let held = |id: &str| {
        let node = nodes.get(id);
        node.is_some_and(|node| {
            if node.has_paused(run.execution) {
                return true;
            }
            let free_in = node.claimable_in(run.execution, now);
            free_in.is_none_or(|free_in| !free_in.is_zero())
        })
    };
    let open = |id: &str| {
        let node = nodes.get(id).filter(|node| node.is_open());
        node.and_then(|node| Some(node.items.as_ref()?.total))
    };
    heal(&board, &plan, done, held, open).await?;
    // Whoever told them something may have died before it offered them.
    offer_again(&app.store, &app.executions, name.run_id, Offered::Told).await?;
    Ok(())
}

fn vanished() -> Problem {
    Problem::new(
        500,
        "ExecutionVanished",
        "Execution Vanished",
        "Step Functions knows no execution of the run: it was never started, or was deleted",
    )
    .solution([
        "Resume the run with POST /runs/{id}/resume",
        "Look for the run's id in the logs of start-run",
    ])
}
