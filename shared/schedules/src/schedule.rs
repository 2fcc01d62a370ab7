//! A schedule: as a caller puts it, and as EventBridge Scheduler keeps it.

use jiff::Timestamp;
use serde_json::Value;

use crate::{Expression, Overlap};

/// A schedule that is to be put, already checked.
#[derive(Debug)]
pub struct NewSchedule {
    /// When it fires.
    pub expression: Expression,
    /// The IANA name of the zone that the expression is read in.
    pub timezone: String,
    /// The input of its runs, an object.
    pub input: Value,
    /// Whether it fires at all.
    pub enabled: bool,
    /// How many minutes after its time it may fire at the latest.
    pub window: i32,
    /// What happens when it fires and its last run has not ended.
    pub overlap: Overlap,
}

/// A schedule as EventBridge Scheduler keeps it.
#[derive(Debug)]
pub struct Schedule {
    /// Its own name.
    pub name: String,
    /// When it fires.
    pub expression: String,
    /// The IANA name of the zone that the expression is read in.
    pub timezone: String,
    /// The input of its runs, an object.
    pub input: Value,
    /// Whether it fires at all.
    pub enabled: bool,
    /// How many minutes after its time it may fire at the latest.
    pub window: i32,
    /// What happens when it fires and its last run has not ended.
    pub overlap: Overlap,
    /// When it was first put.
    pub created_at: Timestamp,
    /// When it was last put.
    pub updated_at: Timestamp,
}

/// The names on one page of a list.
#[derive(Debug)]
pub struct Names {
    /// Schedules' own names.
    pub names: Vec<String>,
    /// Where the next page starts; `None` on the last one.
    pub cursor: Option<String>,
}
