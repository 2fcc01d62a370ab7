//! The calls to Secrets Manager that all secrets have in common, and how they fail.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use secrecy::SecretString;
use steps_problem::Problem;
use steps_sdk_error::reason;

use crate::RECOVERY_DAYS;

/// The secrets under one prefix.
#[derive(Debug, Clone)]
pub(crate) struct Vault {
    pub(crate) client: Client,
    prefix: String,
}

/// Why a call to Secrets Manager failed. It never holds a secret.
#[derive(Debug)]
pub enum Refusal {
    /// There is no such secret or version, or the secret is scheduled for deletion, or it has no text or a text of
    /// another form.
    Missing,
    /// The function's role does not allow this. Holds AWS's reason.
    Denied(String),
    /// Any other failure. Holds AWS's reason, or the kind of connection failure.
    Unavailable(String),
}

impl<E, R> From<SdkError<E, R>> for Refusal
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    fn from(error: SdkError<E, R>) -> Self {
        match error.code() {
            // A secret scheduled for deletion answers InvalidRequestException.
            Some("ResourceNotFoundException" | "InvalidRequestException") => Self::Missing,
            Some("AccessDeniedException") => Self::Denied(reason(&error)),
            _ => Self::Unavailable(reason(&error)),
        }
    }
}

impl Refusal {
    /// What happened to `secret`, named in words such as `the API's token`.
    pub(crate) fn cause(&self, secret: &str) -> String {
        match self {
            Self::Missing => format!(
                "{secret} is not in Secrets Manager: it is gone, scheduled for deletion, or not of the form that it has to have"
            ),
            Self::Denied(reason) => {
                format!("Secrets Manager refused access to {secret}: {reason}")
            }
            Self::Unavailable(reason) => {
                format!("Secrets Manager did not serve {secret}: {reason}")
            }
        }
    }

    /// The problem of a secret that is not missing, or of one without words of its own.
    pub(crate) fn problem(&self, cause: String) -> Problem {
        match self {
            Self::Denied(_) => {
                Problem::new(500, "SecretsAccessDenied", "Secrets Access Denied", cause).solution([
                    "Deploy the template again: it grants each function the secrets it needs",
                    "Check for a service control policy that denies secretsmanager:GetSecretValue",
                ])
            }
            Self::Missing | Self::Unavailable(_) => Problem::new(
                503,
                "SecretsUnavailable",
                "Secrets Manager Unavailable",
                cause,
            )
            .solution(["Try again in a few seconds"])
            .retryable(true),
        }
    }
}

impl Vault {
    pub(crate) fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            client,
            prefix: prefix.into(),
        }
    }

    pub(crate) fn name(&self, id: &str) -> String {
        format!("{}/{id}", self.prefix)
    }

    /// The reverse of [`Vault::name`].
    pub(crate) fn id<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.prefix)?.strip_prefix('/')
    }

    /// Makes a secret; gives its version.
    pub(crate) async fn create(
        &self,
        id: &str,
        description: &str,
        text: String,
    ) -> Result<String, Refusal> {
        let created = self
            .client
            .create_secret()
            .name(self.name(id))
            .description(description)
            .secret_string(text)
            .send()
            .await?;
        created.version_id.ok_or(Refusal::Missing)
    }

    /// Makes the next version current, and gives it. The one before it can still be read.
    pub(crate) async fn replace(&self, id: &str, text: String) -> Result<String, Refusal> {
        let put = self
            .client
            .put_secret_value()
            .secret_id(self.name(id))
            .secret_string(text)
            .send()
            .await?;
        put.version_id.ok_or(Refusal::Missing)
    }

    /// The current text.
    pub(crate) async fn read(&self, id: &str) -> Result<SecretString, Refusal> {
        text_of(self.client.get_secret_value().secret_id(self.name(id))).await
    }

    /// The text of one version.
    pub(crate) async fn read_version(
        &self,
        id: &str,
        version: &str,
    ) -> Result<SecretString, Refusal> {
        let get = self.client.get_secret_value().secret_id(self.name(id));
        text_of(get.version_id(version)).await
    }

    /// Schedules the deletion. A secret already gone is no error.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Refusal> {
        let deleted = self
            .client
            .delete_secret()
            .secret_id(self.name(id))
            .recovery_window_in_days(RECOVERY_DAYS)
            .send()
            .await;
        match deleted.map_err(Refusal::from) {
            Ok(_) | Err(Refusal::Missing) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Cancels a scheduled deletion. A secret that is not scheduled for deletion is no error.
    pub(crate) async fn restore(&self, id: &str) -> Result<(), Refusal> {
        let restore = self.client.restore_secret().secret_id(self.name(id));
        match restore.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("InvalidRequestException") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Sends a request for a secret's value; gives its text.
pub(crate) async fn text_of(request: GetSecretValueFluentBuilder) -> Result<SecretString, Refusal> {
    let value = request.send().await?;
    value
        .secret_string
        .map(SecretString::from)
        .ok_or(Refusal::Missing)
}
