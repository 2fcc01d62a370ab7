#![doc = include_str!("../README.md")]

mod http;
mod starts;

pub use http::{Door, answer, check_size, delivered, delivery, input, skipped, wait};
pub use starts::{
    Delivery, FAILURE, NotStarted, Room, Skipped, Start, Started, Starts, credential_ids, deadline,
};
