#![doc = include_str!("../README.md")]

mod audit;
mod budget;
mod costs;
mod credential;
mod due;
mod error;
pub mod keys;
mod lane;
mod live;
mod lock;
pub mod millis;
mod model_list;
mod node;
mod receiver;
mod run;
mod store;
mod switch;
mod table;
mod token;
mod unit;
mod vars;
mod workflow;

pub use audit::{Actor, AuditEntry, Audits};
pub use budget::{Budget, OverBudget, Reserve, Reserved};
pub use costs::{CostRow, Costs, CostsBy, KEPT_DAYS, OpenCosts};
pub use credential::{
    Action, Check, Credential, CredentialUser, Credentials, DeletedCredential, LastRotation,
    OldKey, Rotation,
};
pub use due::{Due, DueItem, DueItems};
pub use error::{Error, Record, retry_conflict};
pub use lane::{Begun as BegunList, Lane, Lanes, NextItem, ReadyUnit, Told};
pub use live::{Live, Piece, PieceKind};
pub use lock::{Lock, Locks};
pub use model_list::{ModelList, ModelListHead};
pub use node::{
    Answer, Attempt, ByHand, Claim, Claimed, FilePiece, FileRange, ItemCounts, Lease, ListEnd,
    Look, Message, NodeRecord, NodeRow, NodeStatus, Nodes, Outcome, Pause, PausedUnit, StoredFile,
    Waiting, WaitingNode, Work, done,
};
pub use receiver::{Pass, Receivers};
pub use run::{
    Begun, Deliveries, Delivery, DeliveryAttempt, DeliveryStatus, Ended, Entry, Erased, FollowUp,
    Gate, Gates, LONGEST_WAIT, LOST_AFTER, LastTurn, LiveHead, MOST_AT_ONCE, Manner, NewRun,
    OnFailure, Outbox, OutboxEntry, Place, RUN_ABORTED, RUN_TIMED_OUT, RerunOf, Resume, Resumed,
    Reuse, Run, RunError, RunFilter, RunHead, RunOrigin, RunStatus, RunSummary, RunTexts, Runs,
    Trigger, Turn, aborted, timed_out, waited_too_long,
};
pub use steps_usage::Usage;
pub use store::Store;
pub use switch::{Switch, Switches};
pub use table::page::{Page, from_cursor, to_cursor};
pub use token::{TokenRecord, Tokens};
pub use unit::Unit;
pub use vars::{Var, Vars};
pub use workflow::{
    CallbackSecret, CallbackSecrets, SecretVersion, Source, Sources, StoredWorkflow, Webhook,
    Webhooks, WorkflowSummary, Workflows,
};
