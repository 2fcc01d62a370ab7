//! What the function works with.

use steps_live::Plans;
use steps_secrets::EventsKey;
use steps_store::Store;

/// The store that runs are read from, the key that signs tokens, and the plans of runs that were watched before.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) key: EventsKey,
    pub(crate) plans: Plans,
}
