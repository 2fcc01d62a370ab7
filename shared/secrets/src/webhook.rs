//! The secrets of webhooks: replaced with an overlap, in which the old one stays good.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use steps_problem::Problem;
use tokio::sync::Mutex;

use crate::RECOVERY_DAYS;

/// Most versions that a warm function remembers.
const REMEMBERED: usize = 1000;

/// The webhooks' secrets under one prefix of Secrets Manager.
///
/// A version never changes: who knows the version it wants may remember it for good, and is never a rotation behind.
#[derive(Debug)]
pub struct WebhookSecrets {
    client: Client,
    prefix: String,
    remembered: Mutex<HashMap<String, WebhookSecret>>,
}

/// A webhook's secret, and for a while the one before it.
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
    /// A secret with none before it.
    pub fn new(secret: SecretString) -> Self {
        Self {
            current: secret,
            previous: None,
        }
    }

    /// `secret` in this one's place, which stays good until `until` (seconds since 1970).
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

    /// What is good at `now` (seconds since 1970).
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
            client,
            prefix: prefix.into(),
            remembered: Mutex::default(),
        }
    }

    /// Stores a new webhook's secret; gives its version.
    pub async fn create(&self, id: &str, secret: &WebhookSecret) -> Result<String, WebhookError> {
        self.client
            .create_secret()
            .name(self.name(id))
            .description("Webhook secret, stored by openrouter-steps")
            .secret_string(secret.stored())
            .send()
            .await
            .map_err(WebhookError::from_sdk)?
            .version_id
            .ok_or(WebhookError::Missing)
    }

    /// Stores the next version, and gives it. The versions before it can still be read.
    pub async fn replace(&self, id: &str, secret: &WebhookSecret) -> Result<String, WebhookError> {
        self.client
            .put_secret_value()
            .secret_id(self.name(id))
            .secret_string(secret.stored())
            .send()
            .await
            .map_err(WebhookError::from_sdk)?
            .version_id
            .ok_or(WebhookError::Missing)
    }

    /// One version, from memory where it was read before.
    pub async fn read(&self, id: &str, version: &str) -> Result<WebhookSecret, WebhookError> {
        if let Some(secret) = self.remembered.lock().await.get(version) {
            return Ok(secret.clone());
        }
        let text = self
            .client
            .get_secret_value()
            .secret_id(self.name(id))
            .version_id(version)
            .send()
            .await
            .map_err(WebhookError::from_sdk)?
            .secret_string
            .map(SecretString::from)
            .ok_or(WebhookError::Missing)?;
        let secret: WebhookSecret =
            serde_json::from_str(text.expose_secret()).map_err(|_| WebhookError::Missing)?;
        let mut remembered = self.remembered.lock().await;
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(version.to_owned(), secret.clone());
        Ok(secret)
    }

    /// Schedules the secret's deletion. One already gone is no error.
    pub async fn delete(&self, id: &str) -> Result<(), WebhookError> {
        let result = self
            .client
            .delete_secret()
            .secret_id(self.name(id))
            .recovery_window_in_days(RECOVERY_DAYS)
            .send()
            .await
            .map_err(WebhookError::from_sdk);
        match result {
            Ok(_) | Err(WebhookError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn name(&self, id: &str) -> String {
        format!("{}/{id}", self.prefix)
    }
}

/// A failure around a webhook's secret; never carries it.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is none, it is scheduled for deletion, or it is not what this project writes.
    #[error("the webhook's secret is not in Secrets Manager, or not of this project's form")]
    Missing,
    /// Secrets Manager refused, was throttling, or did not answer.
    #[error("Secrets Manager did not serve the webhook's secret: {reason}")]
    Unavailable {
        /// AWS's error code, or the kind of connection failure.
        reason: String,
    },
}

impl WebhookError {
    fn from_sdk<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        match error.code() {
            // A secret scheduled for deletion answers InvalidRequestException.
            Some("ResourceNotFoundException" | "InvalidRequestException") => Self::Missing,
            Some(code) => Self::Unavailable {
                reason: code.to_owned(),
            },
            None => Self::Unavailable {
                reason: error.to_string(),
            },
        }
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let cause = error.to_string();
        match error {
            WebhookError::Missing => {
                Self::new(500, "WebhookSecretMissing", "Webhook Secret Missing", cause)
                    .solution(["Delete the webhook and put it again: it gets a new secret"])
            }
            WebhookError::Unavailable { .. } => Self::new(
                503,
                "SecretsUnavailable",
                "Secrets Manager Unavailable",
                cause,
            )
            .solution([
                "Try again in a few seconds",
                "Where it stays AccessDeniedException: deploy the template again",
            ])
            .retryable(true),
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
