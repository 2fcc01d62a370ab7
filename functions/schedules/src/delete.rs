//! `DELETE /workflows/{id}/schedules/{name}`: deletes a schedule.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;
use crate::shown::not_found;

/// Deletes the schedule.
pub(crate) async fn delete(app: &App, workflow: &str, name: &str) -> Result<Answer, Problem> {
    if app.scheduler.delete(workflow, name).await? {
        Ok(Answer::empty())
    } else {
        Err(not_found(workflow, name))
    }
}
