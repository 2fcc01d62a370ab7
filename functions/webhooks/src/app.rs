//! What the function works with.

use steps_secrets::{CallbackVault, WebhookSecrets};
use steps_store::Store;

/// The store of webhooks, and Secrets Manager, which keeps their secrets and those that sign callbacks.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) secrets: WebhookSecrets,
    pub(crate) callbacks: CallbackVault,
}
