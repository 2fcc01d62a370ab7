//! What the function works with.

use steps_store::Store;

/// The store of the costs by day.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
}
