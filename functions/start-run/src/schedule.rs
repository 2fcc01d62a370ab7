//! A schedule has fired: starts one run for each planned time. Where the last run still goes on, the schedule's
//! `overlap` says what happens.

use jiff::Timestamp;
use serde_json::{Value, json};
use steps_executions::ExecutionName;
use steps_problem::Problem;
use steps_schedules::{Overlap, ScheduledRun};
use steps_starts::{Delivery, NotStarted, Start, Started};
use steps_store::{Ended, Error, LastTurn, RunHead, Trigger, Turn, millis, retry_conflict};

use crate::app::App;
use crate::aws_event::{Outcome, outcome};

/// Starts the run of one firing. Without a planned time, only Lambda's own retries are known to be the same firing.
pub(crate) async fn scheduled(
    app: &App,
    fired: &ScheduledRun,
    request_id: &str,
) -> Result<Value, Problem> {
    let now = millis::text(Timestamp::now());
    let delivery = Delivery::event(
        Trigger {
            kind: "schedule".to_owned(),
            context: json!({
                "schedule": fired.schedule,
                "scheduledTime": fired.scheduled_time().unwrap_or(&now),
            }),
        },
        identity(fired, request_id),
        fired.input.clone(),
    )
    .by(&format!("schedule/{}/{}", fired.workflow, fired.schedule));
    if fired.overlap == Overlap::Allow {
        let document = app.store.workflows().get(&fired.workflow).await?;
        let started = app.starts.start(Start::new(&document, &delivery)).await;
        return Ok(match outcome(started)? {
            Outcome::Run(started) => shown(&started),
            Outcome::Skipped(code) => skipped(&code),
        });
    }
    retry_conflict(async || {
        let last = app
            .store
            .runs()
            .last_turn(&fired.workflow, &fired.schedule)
            .await?;
        let mine = last
            .as_ref()
            .is_some_and(|last| last.identity == delivery.identity);
        if let Some(last) = &last
            && fired.overlap == Overlap::Skip
            && !mine
            && goes_on(app, &last.run_id).await?
        {
            tracing::info!(
                workflow = fired.workflow,
                schedule = fired.schedule,
                run = last.run_id,
                "skipped: the last run goes on"
            );
            return Ok(Ok(json!({ "skipped": true, "running": last.run_id })));
        }
        let stops = match (fired.overlap, &last) {
            (Overlap::Cancel, Some(last)) => stops(last, mine),
            _ => None,
        };
        let turn = Turn {
            schedule: &fired.schedule,
            after: last.as_ref().map(|last| last.run_id.as_str()),
            stops,
        };
        let document = app.store.workflows().get(&fired.workflow).await?;
        let start = Start {
            turn: Some(&turn),
            ..Start::new(&document, &delivery)
        };
        let started = match app.starts.start(start).await {
            Err(NotStarted::Overtaken { workflow_id }) => {
                return Ok(Err(Error::overtaken(&workflow_id)));
            }
            started => match outcome(started)? {
                Outcome::Run(started) => started,
                Outcome::Skipped(code) => return Ok(Ok(skipped(&code))),
            },
        };
        // An old delivery that is repeated cancels no run.
        if let Some(stops) = stops.filter(|_| mine || !started.repeated) {
            stop(app, stops, &started.run_id).await?;
        }
        Ok(Ok(shown(&started)))
    })
    .await
}

async fn goes_on(app: &App, run_id: &str) -> Result<bool, Problem> {
    Ok(running(app, run_id).await?.is_some())
}

/// Where a run that goes on stands; `None` where it has ended.
async fn running(app: &App, run_id: &str) -> Result<Option<RunHead>, Problem> {
    match app.store.runs().head(run_id).await {
        Ok(run) => {
            let lost = run.is_lost(Timestamp::now());
            Ok(Some(run).filter(|run| !run.status.has_ended() && !lost))
        }
        // Its record has expired.
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Cancels a run that goes on.
async fn stop(app: &App, run_id: &str, for_run: &str) -> Result<(), Problem> {
    let Some(run) = running(app, run_id).await? else {
        return Ok(());
    };
    let why = format!(
        "the schedule fired again and cancels its last run; run {for_run} goes on in its place"
    );
    app.store
        .runs()
        .end(run_id, &Ended::cancelled(run.execution, &why))
        .await?;
    let name = ExecutionName {
        run_id,
        number: run.execution,
    };
    Ok(app.executions.stop(&name, &why).await?)
}

/// The run that a new run cancels: the one before it. Where this delivery took its turn in an earlier try, the run that
/// it was to cancel then.
fn stops(last: &LastTurn, mine: bool) -> Option<&str> {
    if mine {
        last.stops.as_deref()
    } else {
        Some(&last.run_id)
    }
}

fn identity(fired: &ScheduledRun, request_id: &str) -> String {
    let firing = fired
        .scheduled_time()
        .or(fired.execution_id())
        .unwrap_or(request_id);
    format!("schedule:{}@{firing}", fired.schedule)
}

fn skipped(code: &str) -> Value {
    json!({ "skipped": true, "code": code })
}

fn shown(started: &Started) -> Value {
    json!({ "runId": started.run_id, "repeated": started.repeated })
}
