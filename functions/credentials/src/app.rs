//! What the function works with.

use steps_openrouter::Client;
use steps_secrets::Secrets;
use steps_store::Store;

/// OpenRouter, which knows a key; the store of records; Secrets Manager, which keeps the keys.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    /// The function that rotates keys, where the stack has one.
    pub(crate) rotate_key_arn: Option<String>,
}
