#![doc = include_str!("../README.md")]

mod cron;
mod expression;
mod name;
mod scheduled_run;
mod zone;

pub use expression::Expression;
pub use name::{full_name, name_fault, own_name, prefix};
pub use scheduled_run::{Overlap, ScheduledRun};
pub use zone::zone;
