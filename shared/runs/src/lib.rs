#![doc = include_str!("../README.md")]

mod attribute;
mod audit;
mod catalogue;
mod credential;
mod credential_use;
mod deleted_credential;
mod error;
mod node;
mod page;
mod run;
mod source;
mod store;
mod text;
mod transaction;
mod turn;
mod view;
mod webhook;
mod workflow;

pub use audit::{Action, Actor, AuditEntry};
pub use catalogue::CatalogueHead;
pub use credential::{Check, Credential, LastRotation, OldKey, Rotation};
pub use credential_use::User;
pub use deleted_credential::DeletedCredential;
pub use error::Error;
pub use node::{Attempt, Claim, Claimed, Lease, NodeRecord, NodeStatus, Outcome, Work};
pub use page::Page;
pub use run::{
    Begun, Ended, NewRun, Run, RunError, RunFilter, RunStatus, RunSummary, Trigger, Usage,
};
pub use source::Source;
pub use store::Store;
pub use turn::{LastTurn, Turn};
pub use view::{NodeView, RunView, SHOWN_BYTES};
pub use webhook::{SecretVersion, Webhook};
pub use workflow::{StoredWorkflow, WorkflowSummary};
