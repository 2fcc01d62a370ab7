//! Runs: begun once, ended once, resumed, listed.

mod begin;
mod delivery;
mod end;
mod erase;
mod gate;
mod hand_over;
mod keep;
mod list;
mod outbox;
mod part;
pub(crate) mod record;
mod resume;
mod turn;

pub use begin::{Begun, Manner, NewRun, Reuse};
pub use delivery::{Deliveries, Delivery, DeliveryAttempt, DeliveryStatus};
pub use end::{Ended, RUN_ABORTED, RUN_TIMED_OUT, aborted, timed_out, waited_too_long};
pub use erase::Erased;
pub use gate::{Entry, Gate, Gates, LONGEST_WAIT, MOST_AT_ONCE, Place};
pub use list::{RunFilter, RunSummary};
pub use outbox::{FollowUp, Outbox, OutboxEntry};
pub use part::Part;
pub use record::{
    LOST_AFTER, LiveHead, OnFailure, RerunOf, Run, RunError, RunHead, RunOrigin, RunStatus,
    RunTexts, Runs, Trigger,
};
pub use resume::{Resume, Resumed};
pub use turn::{LastTurn, Turn};
