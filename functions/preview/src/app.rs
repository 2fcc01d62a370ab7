//! What the function works with.

use steps_catalogue::Catalogue;
use steps_store::Store;

/// The store that documents and runs are read from, and the list of models with their prices.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) catalogue: Catalogue,
}
