//! What the function works with.

use steps_store::Store;

use crate::scheduler::Scheduler;

/// The store, which knows the workflows, and EventBridge Scheduler, which keeps their schedules.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) scheduler: Scheduler,
}
