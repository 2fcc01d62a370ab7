#![doc = include_str!("../README.md")]

mod callback;
mod error;
mod events_key;
mod key;
mod named;
mod root_token;
mod rotation;
mod vault;
mod webhook;

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use steps_fresh::Fresh;
use steps_key::ApiKey;

pub use callback::{CallbackKeys, CallbackPair, CallbackVault, Signer};
pub use error::Error;
pub use events_key::EventsKey;
pub use key::{StoredKey, api_key_in};
pub use named::{Name, NamedError, NamedSecret};
pub use root_token::RootToken;
pub use rotation::Rotating;
pub use vault::Refusal;
use vault::Vault;
pub use webhook::{WebhookError, WebhookSecret, WebhookSecrets};

/// How long a warm function uses a key that it has read.
const CACHE_TIME: Duration = Duration::from_secs(300);

/// How many keys a warm function remembers at most.
const REMEMBERED: usize = 1000;

/// For how many days a deleted key can be restored. Secrets Manager allows no fewer than 7.
pub const RECOVERY_DAYS: i64 = 7;

/// The keys under one prefix of Secrets Manager.
#[derive(Debug)]
pub struct Secrets {
    vault: Vault,
    cache: Fresh<String, ApiKey>,
}

impl Secrets {
    /// Keys named `<prefix>/<id>`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            vault: Vault::new(client, prefix),
            cache: Fresh::new(CACHE_TIME, REMEMBERED),
        }
    }

    /// Stores the key of a new credential.
    pub async fn put(&self, id: &str, api_key: &ApiKey) -> Result<(), Error> {
        let text = StoredKey::new(api_key.clone()).text();
        self.vault
            .create(id, "OpenRouter API key, stored by openrouter-steps", text)
            .await
            .map_err(|refusal| Error::new(id, refusal))?;
        Ok(())
    }

    /// Replaces the key. Secrets Manager keeps the old one as `AWSPREVIOUS`.
    pub async fn replace(&self, id: &str, api_key: &ApiKey) -> Result<(), Error> {
        self.cache.forget(id);
        self.vault
            .replace(id, StoredKey::new(api_key.clone()).text())
            .await
            .map_err(|refusal| Error::new(id, refusal))?;
        Ok(())
    }

    /// The key. A warm function that has read it in the last minutes takes it from memory.
    pub async fn read(&self, id: &str) -> Result<ApiKey, Error> {
        match self.cache.get(id) {
            Some(key) => Ok(key),
            None => self.read_again(id).await,
        }
    }

    /// The key as Secrets Manager has it now. For a caller whose remembered key was refused.
    pub async fn read_again(&self, id: &str) -> Result<ApiKey, Error> {
        let text = self.vault.read(id).await;
        let text = text.map_err(|refusal| Error::new(id, refusal))?;
        let key = StoredKey::parse(id, &text)?.api_key;
        self.cache.put(id.to_owned(), key.clone());
        Ok(key)
    }

    /// Schedules the key's deletion; it can be restored for [`RECOVERY_DAYS`]. A key already gone is no error.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.cache.forget(id);
        let deleted = self.vault.delete(id).await;
        deleted.map_err(|refusal| Error::new(id, refusal))
    }

    /// Cancels a scheduled deletion. A key that is not scheduled for deletion is no error.
    pub async fn restore(&self, id: &str) -> Result<(), Error> {
        let restored = self.vault.restore(id).await;
        restored.map_err(|refusal| Error::new(id, refusal))
    }
}
