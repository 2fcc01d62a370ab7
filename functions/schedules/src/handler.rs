//! A schedule belongs to a workflow; whoever reads it is told when it fires next.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};
use steps_runs::Store;
use steps_schedules::{Expression, name_fault, zone};
use steps_workflow::Workflow;

use crate::scheduler::{Schedule, Scheduler};
use crate::wanted::Wanted;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Schedules {
    pub(crate) store: Store,
    pub(crate) scheduler: Scheduler,
}

/// How many of the times to come an answer shows.
const SHOWN_TIMES: usize = 3;

impl Schedules {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let workflow = request.parameter("id")?;
        let name = || request.parameter("name");
        match request.route() {
            "GET /workflows/{id}/schedules" => self.list(workflow, request).await,
            "PUT /workflows/{id}/schedules/{name}" => {
                let name = name()?;
                let wanted = request.json()?;
                let existing = self.scheduler.find(workflow, name).await?;
                self.put(workflow, name, &wanted, existing).await
            }
            "PATCH /workflows/{id}/schedules/{name}" => {
                let name = name()?;
                let changes: Map<String, Value> = request.json()?;
                let existing = self.get(workflow, name).await?;
                let mut wanted = fields(&existing);
                wanted.extend(changes);
                self.put(workflow, name, &wanted, Some(existing)).await
            }
            "GET /workflows/{id}/schedules/{name}" => {
                let name = name()?;
                let schedule = self.get(workflow, name).await?;
                Answer::json(200, &shown(workflow, &schedule))
            }
            "DELETE /workflows/{id}/schedules/{name}" => {
                let name = name()?;
                if self.scheduler.delete(workflow, name).await? {
                    Ok(Answer::empty())
                } else {
                    Err(not_found(workflow, name))
                }
            }
            _ => Err(request.no_route()),
        }
    }

    async fn put(
        &self,
        workflow: &str,
        name: &str,
        wanted: &Map<String, Value>,
        existing: Option<Schedule>,
    ) -> Result<Answer, Problem> {
        let stored = self.store.workflow(workflow).await?;
        let now = Timestamp::now();
        let created = existing.map_or(now, |existing| existing.created_at);
        let mut faults: Vec<Fault> = name_fault(name).into_iter().collect();
        let wanted = Wanted::read(wanted, created, now).map_err(|found| faults.extend(found));
        if let Ok(wanted) = &wanted {
            let workflow = Workflow::from_stored(&stored.definition).map_err(|_| {
                Problem::from(steps_runs::Error::Malformed {
                    attribute: "definition",
                })
            })?;
            if let Err(found) = workflow.check_input(&wanted.input) {
                faults.extend(found);
            }
        }
        let Some(wanted) = wanted.ok().filter(|_| faults.is_empty()) else {
            let cause = match faults.len() {
                1 => "the schedule has a fault; nothing was changed".to_owned(),
                count => format!("the schedule has {count} faults; nothing was changed"),
            };
            return Err(
                Problem::new(422, "InvalidSchedule", "Invalid Schedule", cause)
                    .solution(["Correct what `faults` names and put it again"])
                    .faults(faults),
            );
        };
        let new = self.scheduler.put(workflow, name, &wanted).await?;
        let schedule = self.get(workflow, name).await?;
        let path = format!("/workflows/{workflow}/schedules/{name}");
        let status = if new { 201 } else { 200 };
        Ok(Answer::json(status, &shown(workflow, &schedule))?.location(path))
    }

    async fn get(&self, workflow: &str, name: &str) -> Result<Schedule, Problem> {
        let found = self.scheduler.find(workflow, name).await?;
        found.ok_or_else(|| not_found(workflow, name))
    }

    async fn list(&self, workflow: &str, request: &Request) -> Result<Answer, Problem> {
        self.store.workflow(workflow).await?;
        let limit = request.number("limit", 1..=50, 20)?;
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let page = self
            .scheduler
            .names(workflow, limit, request.query("cursor"))
            .await?;
        let schedules = try_join_all(
            page.names
                .iter()
                .map(|name| self.scheduler.find(workflow, name)),
        );
        // One that was deleted since is left out.
        let schedules = schedules.await?;
        let schedules: Vec<Value> = schedules
            .iter()
            .flatten()
            .map(|schedule| shown(workflow, schedule))
            .collect();
        Answer::json(
            200,
            &json!({ "schedules": schedules, "cursor": page.cursor }),
        )
    }
}

/// What a caller may put.
fn fields(schedule: &Schedule) -> Map<String, Value> {
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

fn shown(workflow: &str, schedule: &Schedule) -> Value {
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

fn not_found(workflow: &str, name: &str) -> Problem {
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
