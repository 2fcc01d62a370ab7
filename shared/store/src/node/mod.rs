//! Nodes of a run, and the items of their lists: claimed, settled, settled by hand, priced, reused, listed while they wait.

mod by_hand;
mod claim;
mod cost;
mod erase;
mod file;
mod list;
mod pause;
mod paused;
mod record;
mod reuse;
mod row;
mod settle;
mod waiting;
mod work;

pub use claim::{Claim, Claimed, Lease, Look};
pub(crate) use cost::TriedUnit;
pub(crate) use erase::{at_work_since, without_texts, without_words};
pub use file::{FilePiece, FileRange, StoredFile};
pub use list::ListEnd;
pub use pause::Pause;
pub(crate) use paused::VALUE;
pub use paused::{Message, PausedUnit};
pub(crate) use record::read;
pub use record::{Attempt, ByHand, NodeRecord, Nodes};
pub use row::{Answer, ItemCounts, NodeRow, NodeStatus, Waiting};
pub use settle::Outcome;
pub use waiting::WaitingNode;
pub use work::{Work, done};
