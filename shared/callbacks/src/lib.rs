#![doc = include_str!("../README.md")]

mod error;
mod host;
mod message;
mod queue;

pub use error::Error;
pub use host::host_of;
pub use message::{Message, Messages, Report};
pub use queue::CallbackQueue;
