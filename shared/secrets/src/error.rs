//! What can go wrong with a key at rest.

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use steps_problem::Problem;

/// A failure of Secrets Manager; never carries a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no key under this id, or it is scheduled for deletion.
    #[error("no key is stored for credential `{id}`")]
    NotFound {
        /// The credential's id.
        id: String,
    },
    /// What is stored under this id is not what this project writes.
    #[error("the secret of credential `{id}` does not hold {{\"apiKey\": ...}}")]
    Unreadable {
        /// The credential's id.
        id: String,
    },
    /// The function's role may not do this.
    #[error("Secrets Manager refused access to the key of credential `{id}`")]
    AccessDenied {
        /// The credential's id.
        id: String,
    },
    /// Secrets Manager did not answer, or was throttling.
    #[error("Secrets Manager did not serve the key of credential `{id}`: {reason}")]
    Unavailable {
        /// The credential's id.
        id: String,
        /// AWS's error code, or the kind of connection failure.
        reason: String,
    },
}

impl Error {
    pub(crate) fn from_sdk<E, R>(id: &str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let id = id.to_owned();
        match error.code() {
            // A secret scheduled for deletion answers InvalidRequestException.
            Some("ResourceNotFoundException" | "InvalidRequestException") => Self::NotFound { id },
            Some("AccessDeniedException") => Self::AccessDenied { id },
            Some(code) => Self::Unavailable {
                id,
                reason: code.to_owned(),
            },
            None => Self::Unavailable {
                id,
                reason: error.to_string(),
            },
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        match error {
            Error::NotFound { .. } | Error::Unreadable { .. } => {
                Self::new(404, "CredentialNotFound", "Credential Not Found", cause).solution([
                    "List the credentials with GET /credentials",
                    "Create the credential again with POST /credentials",
                ])
            }
            Error::AccessDenied { .. } => {
                Self::new(500, "SecretsAccessDenied", "Secrets Access Denied", cause).solution([
                    "Deploy the template again: it grants each function the secrets under the stack's prefix",
                    "Check for a service control policy that denies secretsmanager:GetSecretValue",
                ])
            }
            Error::Unavailable { .. } => {
                Self::new(503, "SecretsUnavailable", "Secrets Manager Unavailable", cause)
                    .solution(["Try again in a few seconds"])
                    .retryable(true)
            }
        }
    }
}
