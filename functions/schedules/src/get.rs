//! `GET /workflows/{id}/schedules/{name}`: one schedule.

use steps_lambda::Answer;
use steps_problem::Problem;
use steps_schedules::Schedule;

use crate::app::App;
use crate::shown::{not_found, shown};

/// The schedule, with the times at which it fires next.
pub(crate) async fn get(app: &App, workflow: &str, name: &str) -> Result<Answer, Problem> {
    let schedule = schedule(app, workflow, name).await?;
    Answer::json(200, &shown(workflow, schedule))
}

/// The schedule of this name, or `ScheduleNotFound`.
pub(crate) async fn schedule(app: &App, workflow: &str, name: &str) -> Result<Schedule, Problem> {
    let found = app.scheduler.find(workflow, name).await?;
    found.ok_or_else(|| not_found(workflow, name))
}
