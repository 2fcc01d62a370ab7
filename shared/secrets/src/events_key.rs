//! The key that signs the tokens of who watches runs. What was signed with the text before the present one stays good for an
//! hour.

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;

use crate::named::{Name, NamedError};
use crate::root_token::RootToken;

/// The key, read through a cache.
#[derive(Debug)]
pub struct EventsKey(RootToken);

impl EventsKey {
    /// The secret with this name or ARN in Secrets Manager.
    pub fn new(client: Client, secret_id: impl Into<String>) -> Self {
        Self(RootToken::of(Name::EventsKey, client, secret_id))
    }

    /// The text that signs.
    ///
    /// # Errors
    /// [`NamedError`] where it cannot be read.
    pub async fn read(&self) -> Result<SecretString, NamedError> {
        self.0.current().await
    }

    /// Whether `is_one` says so of a text of the key that is good now. Where it does not, the key is read again: it may have
    /// been replaced since.
    ///
    /// # Errors
    /// [`NamedError`] where it cannot be read.
    pub async fn any(&self, is_one: impl Fn(&SecretString) -> bool) -> Result<bool, NamedError> {
        self.0.any(is_one).await
    }
}
