//! The promises of the store alone, one module for each, tested against the local AWS whose variables `make test` sets.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

mod budgets;
mod by_hand;
mod costs;
mod interleavings;
mod leases;
mod lists;
mod resumed;
mod waiting;
mod workflows;
mod world;
