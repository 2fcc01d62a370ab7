//! Runs: begun once, ended once, resumed, listed.

mod begin;
mod end;
mod list;
pub(crate) mod record;
mod resume;
mod turn;

pub use begin::{Begun, NewRun, Reuse};
pub use end::{Ended, RUN_ABORTED, RUN_TIMED_OUT, aborted, timed_out};
pub use list::{RunFilter, RunSummary};
pub use record::{
    LOST_AFTER, LiveHead, RerunOf, Run, RunError, RunHead, RunStatus, RunTexts, Runs, Trigger,
};
pub use resume::Resume;
pub use turn::{LastTurn, Turn};
