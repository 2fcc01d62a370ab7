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
use secrecy::ExposeSecret;
use steps_fresh::Fresh;
use steps_key::{ApiKey, CredentialType, HttpSecret};

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

/// The secrets of credentials under one prefix of Secrets Manager.
#[derive(Debug)]
pub struct Secrets {
    vault: Vault,
    cache: Fresh<String, ApiKey>,
    http: Fresh<String, HttpSecret>,
}

impl Secrets {
    /// Keys named `<prefix>/<id>`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            vault: Vault::new(client, prefix),
            cache: Fresh::new(CACHE_TIME, REMEMBERED),
            http: Fresh::new(CACHE_TIME, REMEMBERED),
        }
    }

    /// Stores the secret of a new `http` credential.
    pub async fn put_http(&self, id: &str, secret: &HttpSecret) -> Result<(), Error> {
        let text = secret.text().expose_secret().to_owned();
        self.vault
            .create(
                id,
                "Secret of HTTP requests, stored by openrouter-steps",
                text,
            )
            .await
            .map_err(|refusal| Error::new(id, refusal))?;
        Ok(())
    }

    /// Replaces the secret of an `http` credential.
    pub async fn replace_http(&self, id: &str, secret: &HttpSecret) -> Result<(), Error> {
        self.http.forget(id);
        let text = secret.text().expose_secret().to_owned();
        let replaced = self.vault.replace(id, text).await;
        replaced.map_err(|refusal| Error::new(id, refusal))?;
        Ok(())
    }

    /// The secret of an `http` credential. A warm function that has read it in the last minutes takes it from memory.
    pub async fn read_http(&self, id: &str) -> Result<HttpSecret, Error> {
        match self.http.get(id) {
            Some(secret) => Ok(secret),
            None => self.read_http_again(id).await,
        }
    }

    /// The secret as Secrets Manager has it now.
    ///
    /// # Errors
    /// [`Error::OtherType`] where the credential holds something else.
    pub async fn read_http_again(&self, id: &str) -> Result<HttpSecret, Error> {
        let text = self.vault.read(id).await;
        let text = text.map_err(|refusal| Error::new(id, refusal))?;
        let secret = HttpSecret::parse(&text).ok_or_else(|| Error::OtherType {
            id: id.to_owned(),
            wanted: CredentialType::Http,
        })?;
        self.http.put(id.to_owned(), secret.clone());
        Ok(secret)
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
        self.http.forget(id);
        let deleted = self.vault.delete(id).await;
        deleted.map_err(|refusal| Error::new(id, refusal))
    }

    /// Cancels a scheduled deletion. A key that is not scheduled for deletion is no error.
    pub async fn restore(&self, id: &str) -> Result<(), Error> {
        let restored = self.vault.restore(id).await;
        restored.map_err(|refusal| Error::new(id, refusal))
    }
}
