//! What the function works with.

use steps_openrouter::Client;
use steps_secrets::Secrets;
use steps_store::Store;

use crate::management::Management;

/// The account's management key, OpenRouter, the store of records, and Secrets Manager, which keeps the keys.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) management: Management,
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
}
