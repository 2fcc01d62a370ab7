#![doc = include_str!("../README.md")]

mod bus;

pub use bus::{Error, EventBus, SOURCE};
