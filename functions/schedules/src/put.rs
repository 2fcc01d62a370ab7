//! `PUT` and `PATCH /workflows/{id}/schedules/{name}`: makes or changes a schedule.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use steps_api::PutSchedule;
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};
use steps_schedules::{Schedule, name_fault};
use steps_workflow::Workflow;
use tokio::time::sleep;

use crate::app::App;
use crate::get::schedule;
use crate::schedule_body;
use crate::shown::shown;

/// `PUT`: makes the schedule, or replaces the one that exists by what the body says.
pub(crate) async fn put(
    app: &App,
    workflow: &str,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let wanted = request.json()?;
    alone(app, workflow, name, async || {
        let existing = app.scheduler.find(workflow, name).await?;
        let created = existing.map(|existing| existing.created_at);
        store(app, workflow, name, &wanted, created).await
    })
    .await
}

/// `PATCH`: changes the fields that the body has.
pub(crate) async fn patch(
    app: &App,
    workflow: &str,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let changes: Map<String, Value> = request.json()?;
    alone(app, workflow, name, async || {
        let existing = schedule(app, workflow, name).await?;
        let created = existing.created_at;
        let mut wanted = fields(existing)?;
        wanted.extend(changes.clone());
        store(app, workflow, name, &wanted, Some(created)).await
    })
    .await
}

/// How long a change of a schedule takes at most: as long as the function may run.
const LOCKED_FOR: SignedDuration = SignedDuration::from_secs(30);

/// How often a change waits for another one, and for how long each time.
const WAITS: usize = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// Makes a change while nobody else changes the same schedule: EventBridge Scheduler has no condition on what was read.
///
/// # Errors
/// `Conflict` where others have changed it for ten seconds; the change's own.
async fn alone(
    app: &App,
    workflow: &str,
    name: &str,
    change: impl AsyncFnOnce() -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    let locks = app.store.locks();
    for _ in 0..WAITS {
        let now = Timestamp::now();
        let lock = locks.schedule((workflow, name), now, now + LOCKED_FOR);
        let Some(lock) = lock.await? else {
            sleep(PAUSE).await;
            continue;
        };
        let changed = change().await;
        locks.give_back(lock).await?;
        return changed;
    }
    Err(Problem::new(
        409,
        "Conflict",
        "Conflicting Change",
        format!("the schedule `{name}` is being changed by someone else"),
    )
    .solution(["Read it again and repeat the change"])
    .retryable(true))
}

/// The fields of the schedule as a caller would put them.
fn fields(schedule: Schedule) -> Result<Map<String, Value>, Problem> {
    serde_json::to_value(PutSchedule::from(schedule))
        .and_then(serde_json::from_value)
        .map_err(Problem::unwritable)
}

/// Checks every field, then stores the schedule in EventBridge Scheduler.
async fn store(
    app: &App,
    workflow: &str,
    name: &str,
    wanted: &Map<String, Value>,
    created: Option<Timestamp>,
) -> Result<Answer, Problem> {
    let stored = app.store.workflows().get(workflow).await?;
    let now = Timestamp::now();
    let mut faults: Vec<Fault> = name_fault(name).into_iter().collect();
    let wanted = schedule_body::read(wanted, created.unwrap_or(now), now)
        .map_err(|found| faults.extend(found));
    if let Ok(wanted) = &wanted {
        let workflow = stored.document(Workflow::from_stored)?;
        if let Err(found) = workflow.check_input(&wanted.input) {
            faults.extend(found);
        }
    }
    let Some(wanted) = wanted.ok().filter(|_| faults.is_empty()) else {
        return Err(Problem::faulty(
            422,
            "InvalidSchedule",
            "Invalid Schedule",
            "the schedule",
            faults,
        ));
    };
    let new = app
        .scheduler
        .put(workflow, name, &wanted, &app.fires)
        .await?;
    let schedule = schedule(app, workflow, name).await?;
    let path = format!("/workflows/{workflow}/schedules/{name}");
    let status = if new { 201 } else { 200 };
    Ok(Answer::json(status, &shown(workflow, schedule))?.location(path))
}
