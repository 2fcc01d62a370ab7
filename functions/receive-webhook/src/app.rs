//! What the function works with.

use steps_secrets::WebhookSecrets;
use steps_starts::Starts;
use steps_store::Store;

/// The store of webhooks, Secrets Manager, which keeps their secrets, and the start of a run.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) webhook_secrets: WebhookSecrets,
    pub(crate) starts: Starts,
    /// How many callers may wait for the end of their runs at once.
    pub(crate) most_waiters: u32,
}
