#![doc = include_str!("../README.md")]

mod error;
mod key;
mod rotation;
mod vault;
mod webhook;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;
use tokio::sync::Mutex;

pub use error::Error;
pub use key::StoredKey;
pub use rotation::Rotating;
use vault::Vault;
pub use webhook::{WebhookError, WebhookSecret, WebhookSecrets};

/// How long a warm function trusts a key it has read.
const CACHE_TIME: Duration = Duration::from_secs(300);

/// Days in which a deleted key can be restored; Secrets Manager's least is 7.
pub const RECOVERY_DAYS: i64 = 7;

/// The keys under one prefix of Secrets Manager.
#[derive(Debug)]
pub struct Secrets {
    vault: Vault,
    cache: Mutex<HashMap<String, (SecretString, Instant)>>,
}

impl Secrets {
    /// Keys named `<prefix>/<id>`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            vault: Vault::new(client, prefix),
            cache: Mutex::default(),
        }
    }

    /// Stores the key of a new credential.
    pub async fn put(&self, id: &str, api_key: &SecretString) -> Result<(), Error> {
        let text = StoredKey::new(api_key.clone()).text();
        self.vault
            .create(id, "OpenRouter API key, stored by openrouter-steps", text)
            .await
            .map_err(|refusal| Error::new(id, refusal))?;
        Ok(())
    }

    /// Puts another key in its place. Secrets Manager keeps the one before as `AWSPREVIOUS`.
    pub async fn replace(&self, id: &str, api_key: &SecretString) -> Result<(), Error> {
        self.cache.lock().await.remove(id);
        self.vault
            .replace(id, StoredKey::new(api_key.clone()).text())
            .await
            .map_err(|refusal| Error::new(id, refusal))?;
        Ok(())
    }

    /// The key, from memory where it was read in the last minutes: a warm function calls nobody.
    pub async fn read(&self, id: &str) -> Result<SecretString, Error> {
        if let Some((key, read_at)) = self.cache.lock().await.get(id)
            && read_at.elapsed() < CACHE_TIME
        {
            return Ok(key.clone());
        }
        self.read_again(id).await
    }

    /// The key as Secrets Manager has it now. For a caller whose cached key was refused.
    pub async fn read_again(&self, id: &str) -> Result<SecretString, Error> {
        let text = self.vault.read(id).await;
        let text = text.map_err(|refusal| Error::new(id, refusal))?;
        let stored =
            StoredKey::parse(&text).ok_or_else(|| Error::Unreadable { id: id.to_owned() })?;
        self.cache
            .lock()
            .await
            .insert(id.to_owned(), (stored.api_key.clone(), Instant::now()));
        Ok(stored.api_key)
    }

    /// Schedules the key's deletion; it can be restored for [`RECOVERY_DAYS`]. A key already gone is no error.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.cache.lock().await.remove(id);
        let deleted = self.vault.delete(id).await;
        deleted.map_err(|refusal| Error::new(id, refusal))
    }

    /// Takes a scheduled deletion back. A key that is not scheduled for deletion is no error.
    pub async fn restore(&self, id: &str) -> Result<(), Error> {
        let restored = self.vault.restore(id).await;
        restored.map_err(|refusal| Error::new(id, refusal))
    }
}

/// The text of any one secret, by name or ARN.
pub async fn read_text(client: &Client, secret: &str, id: &str) -> Result<SecretString, Error> {
    vault::text_of(client.get_secret_value().secret_id(secret))
        .await
        .map_err(|refusal| Error::new(id, refusal))
}
