//! What the function works with.

use steps_executions::Executions;
use steps_starts::Starts;
use steps_store::Store;

/// The store of workflows and runs, Step Functions, and the start that both make.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) starts: Starts,
    /// How many callers may wait for the end of their runs at once.
    pub(crate) most_waiters: u32,
}
