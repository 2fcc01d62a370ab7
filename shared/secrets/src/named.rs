//! The secrets of which a stack has one each: the API's root token, the secret that signs callbacks, OpenRouter's management
//! key.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;
use steps_fresh::Fresh;
use steps_problem::Problem;

use crate::vault::{Refusal, text_of};

/// Which of these secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The root token of the API, read by [`RootToken`](crate::RootToken).
    ApiToken,
    /// The secret that signs the runs that are posted to callers.
    CallbackSecret,
    /// The key that signs the tokens of who watches runs, read by [`EventsKey`](crate::EventsKey).
    EventsKey,
    /// The secret that signs the posted runs of one workflow, read by [`CallbackVault`](crate::CallbackVault).
    WorkflowCallbackSecret,
    /// The key that makes and disables other keys at OpenRouter.
    ManagementKey,
}

impl Name {
    /// How long a warm function uses what it has read.
    fn trusted_for(self) -> Duration {
        match self {
            Self::ApiToken | Self::CallbackSecret | Self::EventsKey => Duration::from_secs(60),
            // A version of it never changes.
            Self::WorkflowCallbackSecret => Duration::MAX,
            // Rotations are rare, so a read costs little; and a management key that was replaced has to be used at once.
            Self::ManagementKey => Duration::ZERO,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::ApiToken => "the API's token",
            Self::CallbackSecret => "the callback secret",
            Self::EventsKey => "the events key",
            Self::WorkflowCallbackSecret => "the workflow's callback secret",
            Self::ManagementKey => "the management key",
        }
    }
}

/// One of these secrets, read through a cache.
#[derive(Debug)]
pub struct NamedSecret {
    name: Name,
    client: Client,
    secret_id: String,
    known: Fresh<(), SecretString>,
}

impl NamedSecret {
    /// The secret with this name or ARN in Secrets Manager.
    pub fn new(name: Name, client: Client, secret_id: impl Into<String>) -> Self {
        Self {
            name,
            client,
            secret_id: secret_id.into(),
            known: Fresh::new(name.trusted_for(), 1),
        }
    }

    /// Its text.
    pub async fn read(&self) -> Result<SecretString, NamedError> {
        if let Some(text) = self.known.get(&()) {
            return Ok(text);
        }
        let request = self.client.get_secret_value().secret_id(&self.secret_id);
        let text = text_of(request).await.map_err(|refusal| NamedError {
            name: self.name,
            refusal,
        })?;
        self.known.put((), text.clone());
        Ok(text)
    }
}

/// A named secret could not be read. Never carries its text.
#[derive(Debug, thiserror::Error)]
#[error("{}", .refusal.cause(.name.words()))]
pub struct NamedError {
    pub(crate) name: Name,
    pub(crate) refusal: Refusal,
}

impl From<NamedError> for Problem {
    fn from(error: NamedError) -> Self {
        let cause = error.to_string();
        if !matches!(error.refusal, Refusal::Missing) {
            return error.refusal.problem(cause);
        }
        match error.name {
            Name::ApiToken => {
                Self::new(500, "ApiTokenMissing", "API Token Missing", cause).solution([
                    "Restore the secret `<stack>/api-token` where its deletion is scheduled: aws secretsmanager restore-secret",
                    "Where it has no text: put a long random token into it with aws secretsmanager put-secret-value",
                ])
            }
            Name::CallbackSecret => Self::new(
                500,
                "CallbackSecretMissing",
                "Callback Secret Missing",
                cause,
            )
            .solution([
                "Restore the secret `<stack>/callback-secret` where its deletion is scheduled: aws secretsmanager restore-secret",
                "Where it has no text: put 32 random bytes in base64 into it with aws secretsmanager put-secret-value",
            ]),
            Name::EventsKey => Self::new(500, "EventsKeyMissing", "Events Key Missing", cause).solution([
                "Restore the secret `<stack>/events-key` where its deletion is scheduled: aws secretsmanager restore-secret",
                "Where it has no text: put a long random text into it with aws secretsmanager put-secret-value",
            ]),
            Name::WorkflowCallbackSecret => Self::new(
                500,
                "CallbackSecretMissing",
                "Callback Secret Missing",
                cause,
            )
            .solution([
                "Restore the secret under `<stack>/callbacks/` where its deletion is scheduled: aws secretsmanager restore-secret",
                "Or delete it with DELETE /workflows/{id}/callback-secret, and make a new one with POST /workflows/{id}/callback-secret/rotate",
            ]),
            Name::ManagementKey => Self::new(
                500,
                "ManagementKeyMissing",
                "Management Key Missing",
                cause,
            )
            .solution([
                "Create a management key at https://openrouter.ai/settings/management-keys",
                "Store it in the secret of ManagementKeySecretArn, as the whole text or as {\"apiKey\": ...}",
                "Rotate again with POST /credentials/{id}/rotate",
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_secret_is_told_in_words_of_its_own() {
        let problem = |name, refusal| Problem::from(NamedError { name, refusal });
        for (name, code, words) in [
            (Name::ApiToken, "ApiTokenMissing", "the API's token"),
            (
                Name::CallbackSecret,
                "CallbackSecretMissing",
                "the callback secret",
            ),
            (
                Name::ManagementKey,
                "ManagementKeyMissing",
                "the management key",
            ),
        ] {
            let missing = problem(name, Refusal::Missing);
            assert_eq!(missing.code, code);
            assert!(missing.cause.contains(words), "{}", missing.cause);
            assert!(!missing.cause.contains("credential"), "{}", missing.cause);
            assert!(!missing.solution.is_empty());
            let denied = problem(name, Refusal::Denied("AccessDeniedException".to_owned()));
            assert_eq!(denied.code, "SecretsAccessDenied");
            assert!(denied.cause.contains(words), "{}", denied.cause);
            let away = problem(name, Refusal::Unavailable("timeout".to_owned()));
            assert_eq!(away.code, "SecretsUnavailable");
            assert!(away.retryable);
        }
    }
}
