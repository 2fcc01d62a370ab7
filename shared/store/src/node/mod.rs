//! Nodes of a run: claimed, settled, priced, reused, listed while they wait.

mod claim;
mod cost;
mod record;
mod reuse;
mod settle;
mod waiting;
mod work;

pub use claim::{Claim, Claimed, Lease};
pub use record::{Answer, Attempt, NodeRecord, NodeStatus, Nodes, Waiting};
pub use settle::Outcome;
pub use waiting::WaitingNode;
pub use work::{Work, done};
