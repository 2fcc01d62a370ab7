//! Schedules: what callers send, and what they are answered.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use steps_schedules::{Overlap, Schedule};

/// The body of `PUT /workflows/{id}/schedules/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSchedule {
    /// When it fires: `rate(...)`, `cron(...)` or `at(...)`, as EventBridge Scheduler writes it.
    pub expression: String,
    /// The IANA name of the zone that the expression is read in.
    #[serde(default = "utc")]
    pub timezone: String,
    /// The input of its runs.
    #[serde(default)]
    pub input: Map<String, Value>,
    /// Whether it fires at all.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Minutes after its time within which it may fire.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1440))]
    pub window: u32,
    /// What happens when it fires while its last run goes on.
    #[serde(default)]
    pub overlap: Overlap,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn enabled() -> bool {
    true
}

impl From<Schedule> for PutSchedule {
    fn from(schedule: Schedule) -> Self {
        Self {
            expression: schedule.expression,
            timezone: schedule.timezone,
            input: match schedule.input {
                Value::Object(input) => input,
                _ => Map::new(),
            },
            enabled: schedule.enabled,
            window: u32::try_from(schedule.window).unwrap_or_default(),
            overlap: schedule.overlap,
        }
    }
}

/// The body of `PATCH /workflows/{id}/schedules/{name}`. What is left out stays as it is; `null` stands for what a new
/// schedule has by default.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSchedule {
    /// When it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub expression: Option<String>,
    /// The IANA name of the zone that the expression is read in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The input of its runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Map<String, Value>>,
    /// Whether it fires at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Minutes after its time within which it may fire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1440))]
    pub window: Option<u32>,
    /// What happens when it fires while its last run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
}

/// A schedule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleView {
    /// Unique in the workflow, chosen by its owner.
    pub name: String,
    /// The workflow that it starts.
    pub workflow_id: String,
    /// When it fires.
    pub expression: String,
    /// The IANA name of the zone that the expression is read in.
    pub timezone: String,
    /// The input of its runs.
    pub input: Value,
    /// Whether it fires at all.
    pub enabled: bool,
    /// Minutes after its time within which it may fire.
    pub window: i32,
    /// What happens when it fires while its last run goes on.
    pub overlap: Overlap,
    /// When it was first put.
    pub created_at: Timestamp,
    /// When it was last put.
    pub updated_at: Timestamp,
    /// When it fires next: up to three times; none where it is disabled or past.
    pub next: Vec<Timestamp>,
}

/// The answer of `GET /workflows/{id}/schedules`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SchedulePage {
    /// Schedules by name.
    pub schedules: Vec<ScheduleView>,
    /// Asks for the next page; `null` on the last.
    pub cursor: Option<String>,
}
