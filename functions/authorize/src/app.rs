//! What the function works with.

use std::time::Instant;

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;
use tokio::sync::Mutex;

/// Secrets Manager, and the API's token as it was read last.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) client: Client,
    /// The secret that holds the token.
    pub(crate) secret_id: String,
    /// The token, and when it was read.
    pub(crate) cached: Mutex<Option<(SecretString, Instant)>>,
}
