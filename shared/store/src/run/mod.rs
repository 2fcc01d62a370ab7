//! Runs: begun once, ended once, resumed, listed.

mod begin;
mod end;
mod erase;
mod gate;
mod list;
pub(crate) mod record;
mod resume;
mod turn;

pub use begin::{Begun, Manner, NewRun, Reuse};
pub use end::{Ended, RUN_ABORTED, RUN_TIMED_OUT, aborted, timed_out, waited_too_long};
pub use erase::Erased;
pub use gate::{Entry, Gate, Gates, LONGEST_WAIT, MOST_AT_ONCE, Place};
pub use list::{RunFilter, RunSummary};
pub use record::{LOST_AFTER, RerunOf, Run, RunError, RunHead, RunStatus, RunTexts, Runs, Trigger};
pub use resume::{Resume, Resumed};
pub use turn::{LastTurn, Turn};
