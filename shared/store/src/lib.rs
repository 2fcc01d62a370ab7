#![doc = include_str!("../README.md")]

mod audit;
mod budget;
mod credential;
mod due;
mod error;
pub mod keys;
mod lane;
mod live;
pub mod millis;
mod model_list;
mod node;
mod receiver;
mod run;
mod store;
mod table;
mod token;
mod unit;
mod workflow;

pub use audit::{Actor, AuditEntry, Audits};
pub use budget::{Budget, OverBudget, Reserve, Reserved};
pub use credential::{
    Action, Check, Credential, CredentialUser, Credentials, DeletedCredential, LastRotation,
    OldKey, Rotation,
};
pub use due::{Due, DueItem, DueItems};
pub use error::{Error, Record, retry_conflict};
pub use lane::{Begun as BegunList, Lane, Lanes, NextItem, ReadyUnit, Told};
pub use live::{Live, Piece, PieceKind};
pub use model_list::{ModelList, ModelListHead};
pub use node::{
    Answer, Attempt, Claim, Claimed, ItemCounts, Lease, ListEnd, Look, NodeRecord, NodeRow,
    NodeStatus, Nodes, Outcome, StoredFile, Waiting, WaitingNode, Work, done,
};
pub use receiver::{Pass, Receivers};
pub use run::{
    Begun, Deliveries, Delivery, DeliveryAttempt, DeliveryStatus, Ended, FollowUp, LOST_AFTER,
    LastTurn, LiveHead, NewRun, OnFailure, Outbox, OutboxEntry, RUN_ABORTED, RUN_TIMED_OUT,
    RerunOf, Resume, Reuse, Run, RunError, RunFilter, RunHead, RunOrigin, RunStatus, RunSummary,
    RunTexts, Runs, Trigger, Turn, aborted, timed_out,
};
pub use steps_usage::Usage;
pub use store::Store;
pub use table::page::{Page, from_cursor, to_cursor};
pub use token::{TokenRecord, Tokens};
pub use unit::Unit;
pub use workflow::{
    CallbackSecret, CallbackSecrets, SecretVersion, Source, Sources, StoredWorkflow, Webhook,
    Webhooks, WorkflowSummary, Workflows,
};
