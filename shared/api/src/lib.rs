#![doc = include_str!("../README.md")]

mod run;

pub use run::{NodeView, RunView, SHOWN_BYTES};
