//! How the stored key of a credential fails.

use steps_key::{CredentialType, MalformedApiKey};
use steps_problem::Problem;

use crate::vault::Refusal;

/// A failure with the key of a credential. It never holds the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no key under this id, or it is scheduled for deletion.
    #[error("no key is stored for credential `{id}`")]
    NotFound {
        /// The credential's id.
        id: String,
    },
    /// The secret does not have the form that this project writes.
    #[error(
        "the secret of credential `{id}` does not hold {{\"type\": \"openrouter\", \"apiKey\": ...}}"
    )]
    Unreadable {
        /// The credential's id.
        id: String,
    },
    /// The credential is of another type than is asked for.
    #[error("the secret of credential `{id}` is none of the type `{}`", .wanted.as_str())]
    OtherType {
        /// The credential's id.
        id: String,
        /// The type that is asked for.
        wanted: CredentialType,
    },
    /// The secret has a text that is not a key.
    #[error("the secret of credential `{id}` holds no key. {malformed}")]
    Malformed {
        /// The credential's id.
        id: String,
        /// What is wrong with it.
        malformed: MalformedApiKey,
    },
    /// A rotation is under way, or an earlier one failed half way.
    #[error(
        "a rotation of the key of credential `{id}` is under way, or an earlier one has failed half way"
    )]
    RotationUnderWay {
        /// The credential's id.
        id: String,
    },
    /// A step was asked for of a rotation that has not begun.
    #[error("no rotation of the key of credential `{id}` has begun with this token")]
    NotRotating {
        /// The credential's id.
        id: String,
    },
    /// Secrets Manager refused, was throttling or did not answer.
    #[error("{}", .refusal.cause(&format!("the key of credential `{id}`")))]
    Refused {
        /// The credential's id.
        id: String,
        /// Why.
        refusal: Refusal,
    },
}

impl Error {
    pub(crate) fn new(id: &str, refusal: Refusal) -> Self {
        let id = id.to_owned();
        match refusal {
            Refusal::Missing => Self::NotFound { id },
            refusal => Self::Refused { id, refusal },
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
            Error::OtherType { wanted, .. } => Self::new(
                409,
                "CredentialOfOtherType",
                "Credential Of Other Type",
                cause,
            )
            .solution([
                format!(
                    "Name a credential of the type `{}`: GET /credentials shows the `type` of each",
                    wanted.as_str()
                ),
                "Or create one with POST /credentials".to_owned(),
            ]),
            Error::Malformed { .. } => {
                Self::new(400, "MalformedApiKey", "Malformed API Key", cause).solution([
                    "Put the key again with PUT /credentials/{id}: the secret was written by something else and has no key in it",
                ])
            }
            Error::RotationUnderWay { .. } => {
                Self::new(409, "RotationUnderWay", "Rotation Under Way", cause).solution([
                    "Read the credential again in a minute: GET /credentials/{id}/audit shows when it was rotated",
                    "If the rotation does not end: read in the log of the rotate-key function what failed",
                    "Then remove the label AWSPENDING from the failed version: aws secretsmanager update-secret-version-stage --remove-from-version-id",
                ])
            }
            Error::NotRotating { .. } => Self::new(409, "NotRotating", "Not Rotating", cause)
                .solution(["Do not invoke rotate-key yourself: Secrets Manager does"]),
            Error::Refused { refusal, .. } => refusal.problem(cause),
        }
    }
}
