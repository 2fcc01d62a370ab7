//! Drives the stand-in over HTTP, as its users do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what they expect by panicking"
)]

mod answers;
mod catalogue;
mod control;
mod desk;
mod faults;
mod keys;
mod prose;
mod streams;
