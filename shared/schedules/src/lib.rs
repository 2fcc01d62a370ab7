#![doc = include_str!("../README.md")]

mod cron;
mod error;
mod expression;
mod name;
mod schedule;
mod scheduled_run;
mod scheduler;
mod zone;

pub use error::Error;
pub use expression::Expression;
pub use name::name_fault;
use name::{full_name, own_name, prefix};
pub use schedule::{Names, NewSchedule, Schedule};
pub use scheduled_run::{Overlap, ScheduledRun};
pub use scheduler::{Fires, Scheduler};
pub use zone::zone;
