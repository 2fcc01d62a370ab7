//! What the function works with.

use steps_executions::Executions;
use steps_runs::Store;
use steps_starts::Starts;

/// The store of workflows and runs, Step Functions, and the start that both make.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) starts: Starts,
}
