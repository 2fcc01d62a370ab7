#![doc = include_str!("../README.md")]

mod error;
mod message;
mod queue;

pub use error::Error;
pub use message::{Message, Messages, Report};
pub use queue::CallbackQueue;
