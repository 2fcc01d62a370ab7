//! What can go wrong with the record.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use steps_problem::Problem;

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
    /// DynamoDB or S3 refused, throttled or did not answer, past the SDK's own retries.
    #[error("{service} did not serve the record: {reason}")]
    Unavailable {
        /// `DynamoDB` or `S3`.
        service: &'static str,
        /// AWS's error code, or the kind of connection failure.
        reason: String,
    },
}

impl Error {
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
        let reason = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => error.to_string(),
        };
        Self::Unavailable { service, reason }
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
            Error::Unavailable { .. } => {
                Self::new(503, "StorageUnavailable", "Storage Unavailable", cause)
                    .solution(["Try again in a few seconds"])
                    .retryable(true)
            }
        }
    }
}
