//! A schedule as it is answered, and the answer where there is none.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use steps_problem::Problem;
use steps_schedules::{Expression, Schedule, zone};

/// How many of the times to come an answer shows.
const SHOWN_TIMES: usize = 3;

/// What a caller may put.
pub(crate) fn fields(schedule: &Schedule) -> Map<String, Value> {
    let fields = json!({
        "expression": schedule.expression,
        "timezone": schedule.timezone,
        "input": schedule.input,
        "enabled": schedule.enabled,
        "window": schedule.window,
        "overlap": schedule.overlap,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The schedule with the times at which it fires next.
pub(crate) fn shown(workflow: &str, schedule: &Schedule) -> Value {
    let mut shown = fields(schedule);
    shown.extend([
        ("name".to_owned(), json!(schedule.name)),
        ("workflowId".to_owned(), json!(workflow)),
        ("createdAt".to_owned(), json!(schedule.created_at)),
        ("updatedAt".to_owned(), json!(schedule.updated_at)),
        ("next".to_owned(), json!(next(schedule))),
    ]);
    Value::Object(shown)
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
