#![doc = include_str!("../README.md")]

mod callbacks;
mod document;
mod error;
mod graph;
mod input;
mod nearest;
mod openrouter;
mod parse;
mod plan;
mod reader;
mod source;
pub mod template;
mod validate;

pub use document::{Kind, Limits, Node, OpenRouterNode, Operation, Retry, Workflow};
pub use error::RenderError;
pub use parse::{parse, parse_node};
pub use plan::{Plan, PlannedNode};
pub use source::Format;
pub use steps_problem::Fault;

#[cfg(test)]
mod tests;
