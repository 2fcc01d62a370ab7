//! What the function works with.

use steps_callbacks::CallbackQueue;
use steps_executions::Executions;
use steps_store::Store;

/// The store of runs, Step Functions, and the queue of callbacks.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) callbacks: CallbackQueue,
}
