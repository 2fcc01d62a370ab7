//! What can go wrong with a key at rest.

use steps_problem::Problem;

use crate::vault::Refusal;

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
    /// A rotation goes on, or one before has failed half way.
    #[error(
        "a rotation of the key of credential `{id}` is under way, or an earlier one has failed half way"
    )]
    RotationUnderWay {
        /// The credential's id.
        id: String,
    },
    /// A step of a rotation was asked for that no rotation has begun.
    #[error("no rotation of the key of credential `{id}` has begun with this token")]
    NotRotating {
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
    pub(crate) fn new(id: &str, refusal: Refusal) -> Self {
        let id = id.to_owned();
        match refusal {
            Refusal::Missing => Self::NotFound { id },
            Refusal::Denied => Self::AccessDenied { id },
            Refusal::Unavailable(reason) => Self::Unavailable { id, reason },
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
            Error::RotationUnderWay { .. } => {
                Self::new(409, "RotationUnderWay", "Rotation Under Way", cause).solution([
                    "Read the credential again in a minute: GET /credentials/{id}/audit tells when it is rotated",
                    "Where it stays: read the log of the rotate-key function for what failed",
                    "Then take AWSPENDING off the failed version: aws secretsmanager update-secret-version-stage --remove-from-version-id",
                ])
            }
            Error::NotRotating { .. } => {
                Self::new(409, "NotRotating", "Not Rotating", cause)
                    .solution(["Leave it to Secrets Manager to invoke rotate-key"])
            }
            Error::Unavailable { .. } => {
                Self::new(503, "SecretsUnavailable", "Secrets Manager Unavailable", cause)
                    .solution(["Try again in a few seconds"])
                    .retryable(true)
            }
        }
    }
}
