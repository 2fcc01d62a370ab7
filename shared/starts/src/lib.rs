#![doc = include_str!("../README.md")]

mod http;
mod starts;

pub use http::{Door, answer, check_size, delivered, delivery, input, wait};
pub use starts::{Delivery, FAILURE, NotStarted, Start, Started, Starts, credential_ids, deadline};
