//! The rules of lanes under random schedules: in memory, and over the real table of the local AWS.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

mod model;
mod real_table;
