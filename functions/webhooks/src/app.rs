//! What the function works with.

use steps_runs::Store;
use steps_secrets::WebhookSecrets;

/// The store of webhooks, and Secrets Manager, which keeps their secrets.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) secrets: WebhookSecrets,
}
