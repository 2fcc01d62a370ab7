#![doc = include_str!("../README.md")]

mod callbacks;
mod document;
mod graph;
mod input;
mod openrouter;
mod parse;
mod plan;
mod reader;
mod source;
mod validate;

pub use document::{Kind, Limits, Node, OpenRouterNode, Operation, Retry, Workflow};
pub use parse::{parse, parse_node};
pub use plan::{Plan, PlannedNode};
pub use source::Format;
pub use steps_problem::Fault;

#[cfg(test)]
mod tests;
