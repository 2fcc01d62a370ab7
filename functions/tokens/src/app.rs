//! What the function works with.

use steps_store::Store;

/// The store of tokens and of the audit.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
}
