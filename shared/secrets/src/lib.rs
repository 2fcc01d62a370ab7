#![doc = include_str!("../README.md")]

mod error;
mod webhook;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

pub use error::Error;
pub use webhook::{WebhookError, WebhookSecret, WebhookSecrets};

/// How long a warm function trusts a key it has read.
const CACHE_TIME: Duration = Duration::from_secs(300);

/// Days in which a deleted key can be restored; Secrets Manager's least is 7.
pub const RECOVERY_DAYS: i64 = 7;

/// The keys under one prefix of Secrets Manager.
#[derive(Debug)]
pub struct Secrets {
    client: Client,
    prefix: String,
    cache: Mutex<HashMap<String, (SecretString, Instant)>>,
}

/// What is stored: an object rather than the bare key, so that later fields need no migration.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "apiKey")]
    api_key: SecretString,
}

impl Secrets {
    /// Keys named `<prefix>/<id>`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            client,
            prefix: prefix.into(),
            cache: Mutex::default(),
        }
    }

    /// Stores the key of a new credential.
    pub async fn put(&self, id: &str, api_key: &SecretString) -> Result<(), Error> {
        self.client
            .create_secret()
            .name(self.name(id))
            .description("OpenRouter API key, stored by openrouter-steps")
            .secret_string(stored(api_key))
            .send()
            .await
            .map_err(|error| Error::from_sdk(id, error))?;
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
        let text = read_text(&self.client, &self.name(id), id).await?;
        let stored: Stored = serde_json::from_str(text.expose_secret())
            .map_err(|_| Error::Unreadable { id: id.to_owned() })?;
        self.cache
            .lock()
            .await
            .insert(id.to_owned(), (stored.api_key.clone(), Instant::now()));
        Ok(stored.api_key)
    }

    /// Schedules the key's deletion; it can be restored for [`RECOVERY_DAYS`]. A key already gone is no error.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.cache.lock().await.remove(id);
        let result = self
            .client
            .delete_secret()
            .secret_id(self.name(id))
            .recovery_window_in_days(RECOVERY_DAYS)
            .send()
            .await
            .map_err(|error| Error::from_sdk(id, error));
        match result {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn name(&self, id: &str) -> String {
        format!("{}/{id}", self.prefix)
    }
}

/// The text of any one secret, by name or ARN.
pub async fn read_text(client: &Client, secret: &str, id: &str) -> Result<SecretString, Error> {
    client
        .get_secret_value()
        .secret_id(secret)
        .send()
        .await
        .map_err(|error| Error::from_sdk(id, error))?
        .secret_string
        .map(SecretString::from)
        .ok_or_else(|| Error::Unreadable { id: id.to_owned() })
}

fn stored(api_key: &SecretString) -> String {
    serde_json::json!({ "apiKey": api_key.expose_secret() }).to_string()
}
