//! What the function works with.

use steps_catalogue::Catalogue;
use steps_schedules::Scheduler;
use steps_store::Store;

/// The store of documents, the schedules that are deleted with them, and the models that they name.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) scheduler: Scheduler,
    pub(crate) catalogue: Catalogue,
}
