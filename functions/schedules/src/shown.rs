//! A schedule as the API shows it, and the problem where there is none.

use jiff::Timestamp;
use steps_api::ScheduleView;
use steps_problem::Problem;
use steps_schedules::{Expression, Schedule, zone};

/// How many of its next times an answer shows.
const SHOWN_TIMES: usize = 3;

/// The schedule with the times at which it fires next.
pub(crate) fn shown(workflow: &str, schedule: Schedule) -> ScheduleView {
    ScheduleView {
        next: next(&schedule),
        workflow_id: workflow.to_owned(),
        name: schedule.name,
        expression: schedule.expression,
        timezone: schedule.timezone,
        input: schedule.input,
        enabled: schedule.enabled,
        window: schedule.window,
        overlap: schedule.overlap,
        created_at: schedule.created_at,
        updated_at: schedule.updated_at,
    }
}

fn next(schedule: &Schedule) -> Vec<Timestamp> {
    match (
        Expression::parse(&schedule.expression),
        zone(&schedule.timezone),
    ) {
        (Ok(expression), Ok(zone)) if schedule.enabled => {
            expression.next(&zone, schedule.created_at, Timestamp::now(), SHOWN_TIMES)
        }
        _ => Vec::new(),
    }
}

/// The workflow has no schedule of this name.
pub(crate) fn not_found(workflow: &str, name: &str) -> Problem {
    Problem::new(
        404,
        "ScheduleNotFound",
        "Schedule Not Found",
        format!("the workflow `{workflow}` has no schedule `{name}`"),
    )
    .solution([format!(
        "List what exists with GET /workflows/{workflow}/schedules"
    )])
}
