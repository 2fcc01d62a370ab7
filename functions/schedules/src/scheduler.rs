//! EventBridge Scheduler keeps the schedules: what it says is what is.

use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::primitives::DateTime;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, ScheduleState, Target,
};
use jiff::Timestamp;
use serde_json::Value;
use steps_problem::{Problem, Upstream};
use steps_schedules::{Overlap, ScheduledRun, full_name, own_name, prefix};

use crate::schedule_body::ScheduleBody;

/// EventBridge Scheduler, and what a schedule of ours fires at.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub(crate) client: aws_sdk_scheduler::Client,
    pub(crate) group: String,
    pub(crate) target_arn: String,
    pub(crate) target_role_arn: String,
    /// The queue of what could not be delivered.
    pub(crate) lost_arn: String,
}

/// A schedule as it is kept.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) timezone: String,
    pub(crate) input: Value,
    pub(crate) enabled: bool,
    pub(crate) window: i32,
    pub(crate) overlap: Overlap,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// The names on one page of a list.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
    pub(crate) cursor: Option<String>,
}

impl Scheduler {
    /// Makes the schedule, or makes the one that exists like this; whether it is new.
    pub(crate) async fn put(
        &self,
        workflow: &str,
        name: &str,
        wanted: &ScheduleBody,
    ) -> Result<bool, Problem> {
        let (state, window, target) = self.parts(workflow, name, wanted)?;
        let created = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(full_name(workflow, name))
            .description(description(workflow))
            .schedule_expression(wanted.expression.to_string())
            .schedule_expression_timezone(&wanted.timezone)
            .state(state.clone())
            .flexible_time_window(window.clone())
            .target(target.clone())
            .send()
            .await;
        match created {
            Ok(_) => return Ok(true),
            Err(error) if error.code() == Some("ConflictException") => {}
            Err(error) => return Err(failed(&error)),
        }
        self.client
            .update_schedule()
            .group_name(&self.group)
            .name(full_name(workflow, name))
            .description(description(workflow))
            .schedule_expression(wanted.expression.to_string())
            .schedule_expression_timezone(&wanted.timezone)
            .state(state)
            .flexible_time_window(window)
            .target(target)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        Ok(false)
    }

    fn parts(
        &self,
        workflow: &str,
        name: &str,
        wanted: &ScheduleBody,
    ) -> Result<(ScheduleState, FlexibleTimeWindow, Target), Problem> {
        let state = if wanted.enabled {
            ScheduleState::Enabled
        } else {
            ScheduleState::Disabled
        };
        let window = match wanted.window {
            0 => FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off),
            minutes => FlexibleTimeWindow::builder()
                .mode(FlexibleTimeWindowMode::Flexible)
                .maximum_window_in_minutes(minutes),
        };
        let run = ScheduledRun::new(workflow, name, wanted.overlap, wanted.input.clone());
        let input = serde_json::to_string(&run).map_err(Problem::unwritable)?;
        let target = Target::builder()
            .arn(&self.target_arn)
            .role_arn(&self.target_role_arn)
            .input(input)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.lost_arn).build());
        Ok((
            state,
            window.build().map_err(Problem::unwritable)?,
            target.build().map_err(Problem::unwritable)?,
        ))
    }

    /// The schedule, or `None`.
    pub(crate) async fn find(
        &self,
        workflow: &str,
        name: &str,
    ) -> Result<Option<Schedule>, Problem> {
        let found = self
            .client
            .get_schedule()
            .group_name(&self.group)
            .name(full_name(workflow, name))
            .send()
            .await;
        match found {
            Ok(found) => read(name, &found).map(Some),
            Err(error) if names_nothing(error.code()) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// The names of a workflow's schedules.
    pub(crate) async fn names(
        &self,
        workflow: &str,
        limit: i32,
        cursor: Option<&str>,
    ) -> Result<Names, Problem> {
        let page = self
            .client
            .list_schedules()
            .group_name(&self.group)
            .name_prefix(prefix(workflow))
            .max_results(limit)
            .set_next_token(cursor.map(str::to_owned))
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let names = page.schedules.iter().filter_map(|schedule| schedule.name());
        Ok(Names {
            names: names
                .filter_map(|full_name| own_name(workflow, full_name))
                .map(str::to_owned)
                .collect(),
            cursor: page.next_token,
        })
    }

    /// Deletes the schedule; `false` where there was none.
    pub(crate) async fn delete(&self, workflow: &str, name: &str) -> Result<bool, Problem> {
        let deleted = self
            .client
            .delete_schedule()
            .group_name(&self.group)
            .name(full_name(workflow, name))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if names_nothing(error.code()) => Ok(false),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// A name that Scheduler cannot have names no schedule either.
fn names_nothing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("ResourceNotFoundException" | "ValidationException")
    )
}

fn description(workflow: &str) -> String {
    format!("Runs the workflow {workflow}")
}

fn read(name: &str, kept: &GetScheduleOutput) -> Result<Schedule, Problem> {
    let target = kept.target().and_then(|target| target.input());
    let run: ScheduledRun = target
        .and_then(|input| serde_json::from_str(input).ok())
        .ok_or_else(|| {
            Problem::new(
                500,
                "ScheduleMalformed",
                "Schedule Malformed",
                format!(
                    "the target of the schedule `{name}` does not hold what this API puts into it"
                ),
            )
            .solution(["Put the schedule again", "Or delete it"])
        })?;
    let window = kept.flexible_time_window();
    Ok(Schedule {
        name: name.to_owned(),
        expression: kept.schedule_expression().unwrap_or_default().to_owned(),
        timezone: kept
            .schedule_expression_timezone()
            .unwrap_or("UTC")
            .to_owned(),
        input: run.input,
        enabled: kept.state() == Some(&ScheduleState::Enabled),
        window: window
            .and_then(FlexibleTimeWindow::maximum_window_in_minutes)
            .unwrap_or_default(),
        overlap: run.overlap,
        created_at: time(kept.creation_date()),
        updated_at: time(kept.last_modification_date()),
    })
}

fn time(time: Option<&DateTime>) -> Timestamp {
    time.and_then(|time| Timestamp::from_second(time.secs()).ok())
        .unwrap_or_default()
}

fn failed<E, R>(error: &SdkError<E, R>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let upstream = error.message().map(|message| Upstream {
        message: message.to_owned(),
        ..Upstream::default()
    });
    let refused = error.code() == Some("ValidationException");
    let problem = if refused {
        Problem::new(
            422,
            "InvalidSchedule",
            "Invalid Schedule",
            "EventBridge Scheduler refused the schedule; nothing was changed",
        )
        .solution(["Correct what `upstream` names and put it again"])
    } else {
        let reason = error
            .code()
            .map_or_else(|| error.to_string(), str::to_owned);
        Problem::new(
            503,
            "SchedulerUnavailable",
            "Scheduler Unavailable",
            format!("EventBridge Scheduler did not serve the schedule: {reason}"),
        )
        .solution([
            "Try again in a few seconds",
            "Where it stays: look at the account's EventBridge Scheduler quotas, and deploy the template again",
        ])
        .retryable(true)
    };
    problem.upstream(upstream)
}
