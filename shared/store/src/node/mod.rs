//! Nodes of a run: claimed, settled, priced, reused, listed.

mod claim;
mod cost;
mod news;
mod record;
mod reuse;
mod settle;
mod work;

pub use claim::{Claim, Claimed, Lease};
pub use news::{ChangedNode, WaitingNode};
pub use record::{Answer, Attempt, NodeRecord, NodeStatus, Nodes, Waiting};
pub use settle::Outcome;
pub use work::Work;
