//! What the function works with.

use steps_schedules::{Fires, Scheduler};
use steps_store::Store;

/// The store, which knows the workflows, and EventBridge Scheduler, which keeps their schedules.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) scheduler: Scheduler,
    /// What a schedule invokes.
    pub(crate) fires: Fires,
}
