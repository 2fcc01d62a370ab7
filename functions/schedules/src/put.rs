//! `PUT` and `PATCH /workflows/{id}/schedules/{name}`: makes or changes a schedule.

use jiff::Timestamp;
use serde_json::{Map, Value};
use steps_api::PutSchedule;
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};
use steps_schedules::{Schedule, name_fault};
use steps_workflow::Workflow;

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
    let existing = app.scheduler.find(workflow, name).await?;
    let created = existing.map(|existing| existing.created_at);
    store(app, workflow, name, &wanted, created).await
}

/// `PATCH`: changes the fields that the body has.
pub(crate) async fn patch(
    app: &App,
    workflow: &str,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let changes: Map<String, Value> = request.json()?;
    let existing = schedule(app, workflow, name).await?;
    let created = existing.created_at;
    let mut wanted = fields(existing)?;
    wanted.extend(changes);
    store(app, workflow, name, &wanted, Some(created)).await
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
