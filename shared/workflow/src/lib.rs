#![doc = include_str!("../README.md")]

mod callbacks;
mod document;
mod graph;
mod import;
mod input;
mod mend;
mod need;
mod parse;
mod path;
mod plan;
mod schema;
mod source;
mod validate;
mod vars;
mod words;

pub use document::{
    ForEach, Keeps, Limits, MaxRuns, Node, OnError, OnItemError, Retry, Then, Workflow,
};
pub use import::{Imported, import};
pub use need::{Need, Why};
pub use parse::{Faulty, parse, parse_node};
pub use plan::{Edge, Plan, PlannedList, PlannedNode};
pub use schema::schema;
pub use source::Format;
pub use steps_problem::Fault;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
