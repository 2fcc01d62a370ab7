//! What can go wrong with the record.

use std::fmt;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use steps_problem::{Problem, short};
use steps_sdk_error::reason;

/// A kind of record, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A run.
    Run,
    /// A node of a run.
    Node,
    /// A file that a node of a run has kept.
    File,
    /// The post of a run's end to its callback address.
    Delivery,
    /// A workflow.
    Workflow,
    /// A webhook of a workflow.
    Webhook,
    /// A workflow's own secret for its callbacks.
    CallbackSecret,
    /// A queue, topic or bucket whose events start a workflow.
    Source,
    /// A credential.
    Credential,
    /// A credential that was deleted and can be restored.
    DeletedCredential,
    /// A named token of the API.
    Token,
    /// A variable of the deployment.
    Var,
}

impl Record {
    /// The code of the problem that there is no such record, and its title.
    pub fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::Run => ("RunNotFound", "Run Not Found"),
            Self::Node => ("NodeNotFound", "Node Not Found"),
            Self::File => ("FileNotFound", "File Not Found"),
            Self::Delivery => ("DeliveryNotFound", "Delivery Not Found"),
            Self::CallbackSecret => ("CallbackSecretNotFound", "Callback Secret Not Found"),
            Self::Workflow => ("WorkflowNotFound", "Workflow Not Found"),
            Self::Webhook => ("WebhookNotFound", "Webhook Not Found"),
            Self::Source => ("SourceNotFound", "Source Not Found"),
            Self::Credential | Self::DeletedCredential => {
                ("CredentialNotFound", "Credential Not Found")
            }
            Self::Token => ("TokenNotFound", "Token Not Found"),
            Self::Var => ("VarNotFound", "Var Not Found"),
        }
    }

    /// The path that lists what exists.
    pub fn listed_at(self) -> &'static str {
        match self {
            Self::Run => "/runs",
            Self::Node | Self::File => "/runs/{id}",
            Self::Delivery => "/runs/{id}/deliveries",
            Self::CallbackSecret => "/workflows/{id}/callback-secret",
            Self::Workflow => "/workflows",
            Self::Webhook => "/workflows/{id}/webhooks",
            Self::Source => "/workflows/{id}/sources",
            Self::Credential => "/credentials",
            Self::DeletedCredential => "/credentials?deleted=true",
            Self::Token => "/tokens",
            Self::Var => "/vars",
        }
    }

    /// The error that there is no such record.
    pub fn not_found(self, id: impl Into<String>) -> Error {
        Error::NotFound {
            record: self,
            id: id.into(),
        }
    }

    pub(crate) fn conflict(self, id: impl Into<String>) -> Error {
        Error::Conflict {
            record: self,
            id: id.into(),
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "run",
            Self::Node => "node",
            Self::File => "file",
            Self::Delivery => "delivery",
            Self::CallbackSecret => "callback secret of workflow",
            Self::Workflow => "workflow",
            Self::Webhook => "webhook",
            Self::Source => "source",
            Self::Credential => "credential",
            Self::DeletedCredential => "deleted credential",
            Self::Token => "token",
            Self::Var => "variable of the deployment",
        })
    }
}

/// A failure of the record. Never carries what is recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is recorded under this id or name.
    #[error("there is no {record} `{id}`")]
    NotFound {
        /// What was asked for.
        record: Record,
        /// Its id or name.
        id: String,
    },
    /// A name that has to be unique is taken.
    #[error("a {record} named `{name}` exists already")]
    NameTaken {
        /// What has the name.
        record: Record,
        /// The name.
        name: String,
    },
    /// Two writers changed the same record at once; the other one won.
    #[error("{record} `{id}` was changed by someone else at the same moment")]
    Conflict {
        /// What was changed.
        record: Record,
        /// Its id.
        id: String,
    },
    /// The texts of a run were erased.
    #[error("the texts of run `{id}` were erased")]
    Erased {
        /// The run's id.
        id: String,
    },
    /// A paging cursor that this API did not give out.
    #[error("the paging cursor was not made by this API")]
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
    /// A run could not start: another one of the workflow took its turn first.
    pub fn overtaken(workflow_id: &str) -> Self {
        Record::Workflow.conflict(workflow_id)
    }

    /// Whether the same call may succeed later with nothing changed.
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
            Error::NotFound { record, .. } => {
                let (code, title) = record.code();
                let list = record.listed_at();
                Self::new(404, code, title, cause)
                    .solution([format!("List what exists with GET {list}")])
            }
            Error::NameTaken { .. } => Self::new(409, "NameTaken", "Name Taken", cause)
                .solution(["Choose another name", "Or delete the one that has it"]),
            Error::Conflict { .. } => Self::new(409, "Conflict", "Conflicting Change", cause)
                .solution(["Read it again and repeat the change"])
                .retryable(true),
            Error::Erased { .. } => Self::new(409, "RunErased", "Run Erased", cause).solution([
                "Start the workflow again with the input that you have",
                "What the run cost, used and how it ended is still there: GET /runs/{id}",
            ]),
            Error::BadCursor => Self::new(400, "InvalidRequest", "Invalid Request", cause)
                .solution(["Leave out `cursor` to start at the first page"]),
            Error::Malformed { .. } => Self::new(500, "RecordMalformed", "Record Malformed", cause)
                .solution(["Check whether something else writes to the table"]),
            Error::Refused { .. } => Self::new(500, "RecordRefused", "Record Refused", cause).solution([
                "Where the reason is a size: send less input, ask for shorter answers, or split the workflow",
                "Where it is a right, a table or a bucket: deploy the template again",
                "Look in the function's log for what it was going to write",
            ]),
            Error::Unavailable { .. } => {
                Self::new(503, "StorageUnavailable", "Storage Unavailable", cause)
                    .solution(["Try again in a few seconds"])
                    .retryable(true)
            }
        }
    }
}

/// How often [`retry_conflict`] makes its attempt.
const TRIES: u32 = 5;

/// Makes an attempt until nobody else changes the same record at the same moment, five times at most. The attempt
/// reads the record anew each time. Its outer error ends it at once.
///
/// # Errors
/// The attempt's own; [`Error::Conflict`] where the last attempt met one too.
pub async fn retry_conflict<T, E: From<Error>>(
    mut attempt: impl AsyncFnMut() -> Result<Result<T, Error>, E>,
) -> Result<T, E> {
    let mut tries = 1;
    loop {
        match attempt().await? {
            Err(Error::Conflict { .. }) if tries < TRIES => tries += 1,
            ended => return ended.map_err(E::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_conflict_is_tried_again_and_nothing_else_is() {
        let conflict = || Record::Run.conflict("1");
        let mut tries = 0;
        let third: Result<u32, Error> = retry_conflict(async || {
            tries += 1;
            Ok(if tries < 3 {
                Err(conflict())
            } else {
                Ok(tries)
            })
        })
        .await;
        assert_eq!(third.unwrap(), 3);

        for (ends, expected) in [(true, 1), (false, TRIES)] {
            let mut tries = 0;
            let failed: Result<(), Error> = retry_conflict(async || {
                tries += 1;
                Ok(Err(if ends { Error::BadCursor } else { conflict() }))
            })
            .await;
            assert!(failed.is_err());
            assert_eq!(tries, expected);
        }
    }

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

    #[test]
    fn a_missing_record_says_where_to_look() {
        let problem = Problem::from(Record::Webhook.not_found("w/x"));
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (404, "WebhookNotFound")
        );
        assert_eq!(problem.cause, "there is no webhook `w/x`");
        let list = "List what exists with GET /workflows/{id}/webhooks";
        assert_eq!(problem.solution, [list]);
    }
}
