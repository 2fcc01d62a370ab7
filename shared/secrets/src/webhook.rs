//! The secrets of webhooks. After a replacement the old one stays good for a while.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use steps_fresh::Fresh;
use steps_problem::Problem;

use crate::vault::{Refusal, Vault};

/// How many versions a warm function remembers at most.
const REMEMBERED: usize = 1000;

/// The webhooks' secrets under one prefix of Secrets Manager.
///
/// A version never changes, so a warm function remembers it without end. The webhook's record names the version to use,
/// so an old one is never used by mistake.
#[derive(Debug)]
pub struct WebhookSecrets {
    vault: Vault,
    remembered: Fresh<String, WebhookSecret>,
}

/// A webhook's secret and, for a while, the secret before it.
#[derive(Debug, Clone, Deserialize)]
pub struct WebhookSecret {
    current: SecretString,
    #[serde(default)]
    previous: Option<Previous>,
}

#[derive(Debug, Clone, Deserialize)]
struct Previous {
    secret: SecretString,
    /// Seconds since 1970.
    until: i64,
}

impl WebhookSecret {
    /// A first secret: there is none before it.
    pub fn new(secret: SecretString) -> Self {
        Self {
            current: secret,
            previous: None,
        }
    }

    /// The new `secret`. This one stays good beside it until `until` (seconds since 1970).
    #[must_use]
    pub fn replaced_by(&self, secret: SecretString, until: i64) -> Self {
        Self {
            current: secret,
            previous: Some(Previous {
                secret: self.current.clone(),
                until,
            }),
        }
    }

    /// The secrets that are good at `now` (seconds since 1970).
    pub fn good_at(&self, now: i64) -> Vec<SecretString> {
        let previous = self.previous.iter().filter(|previous| now < previous.until);
        std::iter::once(&self.current)
            .chain(previous.map(|previous| &previous.secret))
            .cloned()
            .collect()
    }

    fn stored(&self) -> String {
        let previous = self.previous.as_ref().map(|previous| {
            json!({ "secret": previous.secret.expose_secret(), "until": previous.until })
        });
        json!({ "current": self.current.expose_secret(), "previous": previous }).to_string()
    }
}

impl WebhookSecrets {
    /// Secrets named `<prefix>/<id>`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            vault: Vault::new(client, prefix),
            remembered: Fresh::new(Duration::MAX, REMEMBERED),
        }
    }

    /// Stores a new webhook's secret; gives its version.
    pub async fn create(&self, id: &str, secret: &WebhookSecret) -> Result<String, WebhookError> {
        let description = "Webhook secret, stored by openrouter-steps";
        Ok(self.vault.create(id, description, secret.stored()).await?)
    }

    /// Stores the next version, and gives it. The versions before it can still be read.
    pub async fn replace(&self, id: &str, secret: &WebhookSecret) -> Result<String, WebhookError> {
        Ok(self.vault.replace(id, secret.stored()).await?)
    }

    /// One version. A warm function that has read it before takes it from memory.
    pub async fn read(&self, id: &str, version: &str) -> Result<WebhookSecret, WebhookError> {
        if let Some(secret) = self.remembered.get(version) {
            return Ok(secret);
        }
        let text = self.vault.read_version(id, version).await?;
        let secret: WebhookSecret =
            serde_json::from_str(text.expose_secret()).map_err(|_| Refusal::Missing)?;
        self.remembered.put(version.to_owned(), secret.clone());
        Ok(secret)
    }

    /// Schedules the secret's deletion. A secret that is gone already is no error.
    pub async fn delete(&self, id: &str) -> Result<(), WebhookError> {
        Ok(self.vault.delete(id).await?)
    }
}

/// A failure with a webhook's secret. It never holds the secret.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.cause("the webhook's secret"))]
pub struct WebhookError(Refusal);

impl From<Refusal> for WebhookError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let cause = error.to_string();
        match error.0 {
            Refusal::Missing => {
                Self::new(500, "WebhookSecretMissing", "Webhook Secret Missing", cause)
                    .solution(["Delete the webhook and put it again: it gets a new secret"])
            }
            refusal => refusal.problem(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_secret_is_good_until_the_overlap_ends() {
        let first = WebhookSecret::new(SecretString::from("first"));
        let second = first.replaced_by(SecretString::from("second"), 100);
        let second: WebhookSecret = serde_json::from_str(&second.stored()).unwrap();
        let good = |now| -> Vec<String> {
            second
                .good_at(now)
                .iter()
                .map(|secret| secret.expose_secret().to_owned())
                .collect()
        };
        assert_eq!(good(99), ["second", "first"]);
        assert_eq!(good(100), ["second"]);
        let third = second.replaced_by(SecretString::from("third"), 200);
        assert!(!third.stored().contains("first"));
        assert!(!format!("{third:?}").contains("third"));
    }
}
