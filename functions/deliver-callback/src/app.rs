//! What the function works with.

use steps_store::Store;

/// The store of runs, the queue of those that are to be posted, the secret that signs them, and the way out.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) queue_url: String,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) secret_id: String,
    pub(crate) http: reqwest::Client,
}
