//! `GET /workflows/{id}/schedules`: a workflow's schedules.

use futures_util::future::try_join_all;
use steps_api::SchedulePage;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::shown::shown;

/// A page of the workflow's schedules.
pub(crate) async fn list(app: &App, workflow: &str, request: &Request) -> Result<Answer, Problem> {
    app.store.workflows().must_exist(workflow).await?;
    let limit = request.number("limit", 1..=50, 20)?;
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    let page = app
        .scheduler
        .names(workflow, limit, request.query("cursor"))
        .await?;
    let schedules = try_join_all(
        page.names
            .iter()
            .map(|name| app.scheduler.find(workflow, name)),
    );
    // A schedule that was deleted since its name was read is left out.
    let schedules = schedules.await?;
    let schedules = schedules.into_iter().flatten();
    Answer::json(
        200,
        &SchedulePage {
            schedules: schedules
                .map(|schedule| shown(workflow, schedule))
                .collect(),
            cursor: page.cursor,
        },
    )
}
