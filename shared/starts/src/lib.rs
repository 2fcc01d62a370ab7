#![doc = include_str!("../README.md")]

mod answer;
mod callback;
mod context;
mod delivery;
mod document;
mod input;
mod last_use;
mod starts;

pub use answer::{answer, wait};
pub use delivery::{Delivery, Door, delivery};
pub use document::{answered, credential_ids, deadline};
pub use input::{check_size, input};
pub use starts::{NotStarted, Reuse, Start, Started, Starts};
