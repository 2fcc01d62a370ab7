//! What the function works with.

use steps_executions::Executions;
use steps_secrets::EventsKey;
use steps_store::Store;

/// The store of runs, Step Functions, whose lanes are woken, and the key that signs links.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) key: EventsKey,
}
