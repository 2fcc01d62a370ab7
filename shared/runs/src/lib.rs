#![doc = include_str!("../README.md")]

mod attribute;
mod catalogue;
mod credential;
mod error;
mod node;
mod page;
mod run;
mod store;
mod text;
mod transaction;
mod view;
mod workflow;

pub use catalogue::CatalogueHead;
pub use credential::{Check, Credential};
pub use error::Error;
pub use node::{Attempt, Claim, Claimed, Lease, NodeRecord, NodeStatus, Outcome, Work};
pub use page::Page;
pub use run::{
    Begun, Ended, NewRun, Run, RunError, RunFilter, RunStatus, RunSummary, Trigger, Usage,
};
pub use store::Store;
pub use view::{NodeView, RunView, SHOWN_BYTES};
pub use workflow::{StoredWorkflow, WorkflowSummary};
