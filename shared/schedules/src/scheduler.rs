//! The client of EventBridge Scheduler, which keeps the schedules. There is no other record of them.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::primitives::DateTime;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, ScheduleState, Target,
};
use jiff::Timestamp;
use steps_sdk_error::reason;

use crate::{Error, Names, NewSchedule, Schedule, ScheduledRun, full_name, own_name, prefix};

/// The stack's schedules in EventBridge Scheduler.
#[derive(Debug)]
pub struct Scheduler {
    client: Client,
    group: String,
}

/// What a schedule invokes when it fires.
#[derive(Debug)]
pub struct Fires {
    /// The ARN of the function that starts the run.
    pub function_arn: String,
    /// The ARN of the role with which it is invoked.
    pub role_arn: String,
    /// The ARN of the queue for firings that could not be delivered.
    pub lost_arn: String,
}

impl Scheduler {
    /// The schedules of this group.
    pub fn new(client: Client, group: impl Into<String>) -> Self {
        Self {
            client,
            group: group.into(),
        }
    }

    /// Puts the schedule: makes it, or changes the one that exists. Gives whether it is new.
    pub async fn put(
        &self,
        workflow: &str,
        name: &str,
        wanted: &NewSchedule,
        fires: &Fires,
    ) -> Result<bool, Error> {
        let (state, window, target) = parts(workflow, name, wanted, fires)?;
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

    /// The schedule, or `None`.
    pub async fn find(&self, workflow: &str, name: &str) -> Result<Option<Schedule>, Error> {
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
    pub async fn names(
        &self,
        workflow: &str,
        limit: i32,
        cursor: Option<&str>,
    ) -> Result<Names, Error> {
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

    /// Deletes all schedules of a workflow.
    pub async fn delete_all(&self, workflow: &str) -> Result<(), Error> {
        let mut cursor = None;
        loop {
            let page = self
                .client
                .list_schedules()
                .group_name(&self.group)
                .name_prefix(prefix(workflow))
                .set_next_token(cursor)
                .send()
                .await
                .map_err(|error| Error::NotDeleted(reason(&error)))?;
            let names = page.schedules.iter().filter_map(|schedule| schedule.name());
            for name in names.filter_map(|full_name| own_name(workflow, full_name)) {
                self.delete(workflow, name)
                    .await
                    .map_err(Error::not_deleted)?;
            }
            cursor = page.next_token;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Deletes the schedule; `false` where there was none.
    pub async fn delete(&self, workflow: &str, name: &str) -> Result<bool, Error> {
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

fn parts(
    workflow: &str,
    name: &str,
    wanted: &NewSchedule,
    fires: &Fires,
) -> Result<(ScheduleState, FlexibleTimeWindow, Target), Error> {
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
    let input = serde_json::to_string(&run).map_err(Error::unwritable)?;
    let target = Target::builder()
        .arn(&fires.function_arn)
        .role_arn(&fires.role_arn)
        .input(input)
        .dead_letter_config(DeadLetterConfig::builder().arn(&fires.lost_arn).build());
    Ok((
        state,
        window.build().map_err(Error::unwritable)?,
        target.build().map_err(Error::unwritable)?,
    ))
}

/// Whether Scheduler refused the name itself: then there is no schedule of this name.
fn names_nothing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("ResourceNotFoundException" | "ValidationException")
    )
}

fn description(workflow: &str) -> String {
    format!("Runs the workflow {workflow}")
}

fn read(name: &str, kept: &GetScheduleOutput) -> Result<Schedule, Error> {
    let target = kept.target().and_then(|target| target.input());
    let run: ScheduledRun = target
        .and_then(|input| serde_json::from_str(input).ok())
        .ok_or_else(|| Error::Malformed(name.to_owned()))?;
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

fn failed<E, R>(error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    if error.code() == Some("ValidationException") {
        let message = error.message().unwrap_or_default().to_owned();
        return Error::Refused { message };
    }
    Error::Unavailable(reason(error))
}
