//! What the function works with.

use steps_executions::Executions;
use steps_store::Store;

/// The store that runs are read from, and Step Functions, which stops one.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
}
