//! What can go wrong with the record.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use steps_problem::{Problem, short};
use steps_sdk_error::reason;

/// A failure of the record. Never carries what is recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is recorded under this name.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// `run`, `node`, `workflow`, `webhook`, `source`, `credential` or `deleted credential`.
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// A name that has to be unique is taken.
    #[error("a {what} named `{name}` exists already")]
    NameTaken {
        /// `credential` or `run`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Two writers changed the same record at once; the other one won.
    #[error("{what} `{id}` was changed by someone else at the same moment")]
    Conflict {
        /// `workflow`, `credential`, `webhook`, `run` or `node`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A paging cursor that this API did not give out.
    #[error("the paging cursor is not one that this API gave out")]
    BadCursor,
    /// An item lacks an attribute or has it in another shape.
    #[error("the record's attribute `{attribute}` is missing or of another shape")]
    Malformed {
        /// The attribute.
        attribute: &'static str,
    },
    /// DynamoDB or S3 refuses what it is asked, and always will: a record that is too large, a right that the
    /// function lacks, a table that is not there.
    #[error("{service} refuses the record: {reason}")]
    Refused {
        /// `DynamoDB` or `S3`.
        service: &'static str,
        /// AWS's error code and message.
        reason: String,
    },
    /// DynamoDB or S3 throttled, failed or did not answer, past the SDK's own retries.
    #[error("{service} did not serve the record: {reason}")]
    Unavailable {
        /// `DynamoDB` or `S3`.
        service: &'static str,
        /// AWS's error code, or the kind of connection failure.
        reason: String,
    },
}

/// AWS's codes for what fails again each time it is tried: of requests, and of the writes of a transaction.
const REFUSALS: [&str; 10] = [
    "AccessDenied",
    "AccessDeniedException",
    "EntityTooLarge",
    "ItemCollectionSizeLimitExceeded",
    "ItemCollectionSizeLimitExceededException",
    "NoSuchBucket",
    "NoSuchKey",
    "ResourceNotFoundException",
    "ValidationError",
    "ValidationException",
];

/// Most characters of AWS's reason.
const REASON: usize = 300;

impl Error {
    /// Whether the same may succeed later with nothing changed.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Conflict { .. })
    }

    /// What AWS answered with this code, where it did with one.
    pub(crate) fn answered(service: &'static str, code: Option<&str>, reason: &str) -> Self {
        let reason = short(reason, REASON);
        if code.is_some_and(|code| REFUSALS.contains(&code)) {
            Self::Refused { service, reason }
        } else {
            Self::Unavailable { service, reason }
        }
    }

    pub(crate) fn dynamodb<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        Self::sdk("DynamoDB", &error)
    }

    pub(crate) fn s3<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        Self::sdk("S3", &error)
    }

    fn sdk<E, R>(service: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        Self::answered(service, error.code(), &reason(error))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        match error {
            Error::NotFound { what, .. } => {
                let (code, title) = match what {
                    "run" => ("RunNotFound", "Run Not Found"),
                    "node" => ("NodeNotFound", "Node Not Found"),
                    "workflow" => ("WorkflowNotFound", "Workflow Not Found"),
                    "webhook" => ("WebhookNotFound", "Webhook Not Found"),
                    "source" => ("SourceNotFound", "Source Not Found"),
                    _ => ("CredentialNotFound", "Credential Not Found"),
                };
                let list = match what {
                    "webhook" => "/workflows/{id}/webhooks".to_owned(),
                    "source" => "/workflows/{id}/sources".to_owned(),
                    "deleted credential" => "/credentials?deleted=true".to_owned(),
                    what => format!("/{what}s"),
                };
                Self::new(404, code, title, cause)
                    .solution([format!("List what exists with GET {list}")])
            }
            Error::NameTaken { .. } => Self::new(409, "NameTaken", "Name Taken", cause)
                .solution(["Choose another name", "Or delete the one that has it"]),
            Error::Conflict { .. } => Self::new(409, "Conflict", "Conflicting Change", cause)
                .solution(["Read it again and repeat the change"])
                .retryable(true),
            Error::BadCursor => Self::new(400, "InvalidRequest", "Invalid Request", cause)
                .solution(["Leave `cursor` out to start at the first page"]),
            Error::Malformed { .. } => Self::new(500, "RecordMalformed", "Record Malformed", cause)
                .solution(["Check whether something else writes to the table"]),
            Error::Refused { .. } => Self::new(500, "RecordRefused", "Record Refused", cause).solution([
                "Where the reason is a size: send less input, ask for shorter answers, or split the workflow",
                "Where it is a right, a table or a bucket: deploy the template again",
                "Look in the logs of the function for what it was about to write",
            ]),
            Error::Unavailable { .. } => {
                Self::new(503, "StorageUnavailable", "Storage Unavailable", cause)
                    .solution(["Try again in a few seconds"])
                    .retryable(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_always_refuses_is_told_from_what_passes_and_its_reason_is_short() {
        for code in REFUSALS {
            let error = Error::answered("DynamoDB", Some(code), &"sk-or-v1-abc é".repeat(10_000));
            assert!(!error.passes(), "{code}");
            let problem = Problem::from(error);
            assert_eq!(
                (problem.code.as_str(), problem.retryable),
                ("RecordRefused", false)
            );
            assert!(problem.cause.len() < 1_000, "{}", problem.cause);
            assert!(!problem.cause.contains("v1-abc"));
        }
        for code in [
            Some("ProvisionedThroughputExceededException"),
            Some("ThrottlingException"),
            Some("InternalServerError"),
            Some("SlowDown"),
            None,
        ] {
            let error = Error::answered("DynamoDB", code, "busy");
            assert!(error.passes(), "{code:?}");
            assert!(Problem::from(error).retryable);
        }
    }
}
