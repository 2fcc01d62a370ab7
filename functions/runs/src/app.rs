//! What the function works with.

use steps_callbacks::CallbackQueue;
use steps_executions::Executions;
use steps_store::Store;

/// The store that runs are read from, Step Functions, which stops one, and the queue in which a delivery is sent again.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) callbacks: CallbackQueue,
}
