//! What the function works with.

use steps_callbacks::CallbackQueue;
use steps_secrets::NamedSecret;
use steps_store::Store;

/// The store of runs, the queue of those that are to be posted, the secret that signs them, and the client that posts.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) queue: CallbackQueue,
    pub(crate) secret: NamedSecret,
    pub(crate) http: reqwest::Client,
}
