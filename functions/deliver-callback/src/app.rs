//! What the function works with.

use steps_callbacks::CallbackQueue;
use steps_secrets::{CallbackVault, NamedSecret};
use steps_store::Store;

/// The store of runs, the queue of those that are to be posted and the one of those that nobody took, the secrets that sign
/// them, and the client that posts.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) queue: CallbackQueue,
    pub(crate) lost: CallbackQueue,
    /// The stack's secret.
    pub(crate) secret: NamedSecret,
    /// Those of workflows that have one of their own.
    pub(crate) vault: CallbackVault,
    pub(crate) http: reqwest::Client,
}
