//! What the end of a run asks for: each entry of the run's outbox is done, then removed. An entry that fails stays, and the
//! sweep tries it again. Doing one twice changes nothing more than doing it once, except that an event may be sent twice.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use steps_executions::ExecutionName;
use steps_problem::Problem;
use steps_queue::start_waiting;
use steps_starts::{Delivery, FAILURE, Start};
use steps_store::{Erased, Error, FollowUp, OutboxEntry, RunOrigin, RunStatus, Trigger};
use steps_workflow::Workflow;

use crate::app::App;

/// The detail-type of the event of a run that failed.
const RUN_FAILED: &str = "Run Failed";

/// The shortest and the longest time until an entry is tried again.
const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// For so long an entry is tried that fails for a reason that does not pass by itself. Somebody may mend it meanwhile.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Does all that the run's ends ask for, as far as it is `wanted` now. What fails does not stop the others.
///
/// # Errors
/// Of the last entry that failed.
pub(crate) async fn follow_up(
    app: &App,
    run_id: &str,
    wanted: impl Fn(&OutboxEntry) -> bool,
) -> Result<(), Problem> {
    let outbox = app.store.outbox();
    let mut failed = None;
    for entry in outbox.list(run_id).await? {
        if !wanted(&entry) {
            continue;
        }
        match perform(app, &entry).await {
            Ok(()) => outbox.done(&entry).await?,
            Err(problem) => {
                if let Err(error) = later(app, &entry, &problem).await {
                    // It stays due.
                    tracing::warn!(run = run_id, code = error.code, "not put off");
                }
                failed = Some(problem);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Does what one entry asks for. Every kind of entry is here.
async fn perform(app: &App, entry: &OutboxEntry) -> Result<(), Problem> {
    match entry.follow_up {
        FollowUp::Costs => add_costs(app, entry).await,
        FollowUp::Callback => call_back(app, entry).await,
        FollowUp::FailureRun => start_failure_run(app, entry).await,
        FollowUp::FailureEvent => send_failure_event(app, entry).await,
        FollowUp::Room => make_room(app, entry).await,
        FollowUp::Texts => erase(app, &entry.run_id).await,
    }
}

/// Puts an entry off that failed: the older it is, the longer. One that will not pass is given up after a day.
async fn later(app: &App, entry: &OutboxEntry, problem: &Problem) -> Result<(), Problem> {
    let now = Timestamp::now();
    let age = now.duration_since(entry.since);
    let (run, what, code) = (&entry.run_id, entry.follow_up.as_str(), &problem.code);
    if !problem.retryable && age > TRIED_FOR {
        tracing::error!(run, what, code, "given up after a day");
        return Ok(app.store.outbox().done(entry).await?);
    }
    tracing::warn!(run, what, code, "not done yet");
    let pause = age.clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    Ok(app.store.outbox().again(entry, now + pause).await?)
}

/// Enters what the run cost into the costs by day. Where it did not succeed, calls whose functions died may have a cost: they
/// are asked about. A run that was resumed asks at its next end.
async fn add_costs(app: &App, entry: &OutboxEntry) -> Result<(), Problem> {
    let head = match app.store.runs().head(&entry.run_id).await {
        Ok(head) => head,
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if head.status.has_ended() && entry.status != RunStatus::Succeeded {
        let nodes = app.store.nodes();
        nodes
            .mark_costs_due(&entry.run_id, Timestamp::now())
            .await?;
    }
    let costs = app.store.costs();
    if let Some(at) = costs.enter(&entry.run_id, Timestamp::now()).await? {
        costs.look_again(&entry.run_id, at).await?;
    }
    Ok(())
}

/// Records the delivery and queues it.
async fn call_back(app: &App, entry: &OutboxEntry) -> Result<(), Problem> {
    let Some(url) = app.store.runs().callback_url(&entry.run_id).await? else {
        return Ok(());
    };
    let name = ExecutionName {
        run_id: &entry.run_id,
        number: entry.take,
    };
    let deliveries = app.store.deliveries();
    let now = Timestamp::now();
    // Made where there is none. One that was queued before stays as it is.
    deliveries
        .change(name.run_id, name.number, now, |_| {})
        .await?;
    let host = steps_callbacks::host_of(&url);
    Ok(app.callbacks.send(&name, &host).await?)
}

/// Starts the workflow that is to hear of the failure. Its run has an identity, so there is one for each end.
async fn start_failure_run(app: &App, entry: &OutboxEntry) -> Result<(), Problem> {
    let Some(origin) = app.store.runs().origin(&entry.run_id).await? else {
        return Ok(());
    };
    let Some(handler) = &origin.on_failure.workflow else {
        return Ok(());
    };
    let document = app.store.workflows().get(handler).await?;
    let told = failure(entry, &origin);
    let trigger = Trigger {
        kind: FAILURE.to_owned(),
        context: json!({ "failedRun": told.clone() }),
    };
    let identity = format!("{FAILURE}:{}@{}", entry.run_id, entry.take);
    let delivery = Delivery::event(trigger, identity, told);
    let delivery = delivery.by(&format!("{FAILURE}/{}", origin.workflow_id));
    match app.starts.start(Start::new(&document, &delivery)).await {
        // Somebody has switched it off, or its `limits.maxRuns` skips it. The start is counted as refused.
        Err(refused) if refused.is_meant() => {
            let code = &Problem::from(refused).code;
            tracing::info!(run = entry.run_id, code, "nothing is started");
            Ok(())
        }
        started => {
            started?;
            Ok(())
        }
    }
}

async fn send_failure_event(app: &App, entry: &OutboxEntry) -> Result<(), Problem> {
    let Some(origin) = app.store.runs().origin(&entry.run_id).await? else {
        return Ok(());
    };
    Ok(app
        .events
        .send(RUN_FAILED, &failure(entry, &origin))
        .await?)
}

/// Gives back the place of the run at its workflow's gate, and starts the next ones that wait.
async fn make_room(app: &App, entry: &OutboxEntry) -> Result<(), Problem> {
    let left = app.store.gates().left(&entry.run_id, entry.take).await?;
    if let Some(workflow_id) = left {
        start_waiting(&app.store, &app.executions, &workflow_id).await?;
    }
    Ok(())
}

/// Erases the texts of a run that are not to be kept, or lets them be looked at when nobody wants them any more.
pub(crate) async fn erase(app: &App, run_id: &str) -> Result<(), Problem> {
    let runs = app.store.runs();
    let now = Timestamp::now();
    let Some(from) = runs.unkept_from(run_id).await? else {
        return Ok(());
    };
    if from > now {
        return Ok(runs.erase_later(run_id, from).await?);
    }
    match runs.erase(run_id, now, Workflow::ledger_of).await? {
        Erased::Done => runs.erased(run_id).await?,
        Erased::NotBefore(time) => runs.erase_later(run_id, time).await?,
        // It was resumed: its next end erases them.
        Erased::GoesOn(_) => {}
    }
    Ok(())
}

/// What is told of a run that failed: the input of the workflow that is started, and the detail of the event.
fn failure(entry: &OutboxEntry, origin: &RunOrigin) -> Value {
    let error = entry.error.as_ref();
    let problem = error.map(|error| &error.problem);
    json!({
        "runId": entry.run_id,
        "execution": entry.take,
        "workflowId": origin.workflow_id,
        "version": origin.version,
        "status": entry.status,
        "code": problem.map(|problem| &problem.code),
        "title": problem.map(|problem| &problem.title),
        "cause": problem.map(|problem| &problem.cause),
        "node": error.and_then(|error| error.node.as_ref()),
    })
}
