//! What can go wrong with a call, and whether it may have been carried out.

use std::time::Duration;

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::invoke::InvokeError;
use steps_problem::{Problem, known_names};
use steps_sdk_error::reason;

/// What says that a function could not begin, and may a moment later.
const PASSING: [&str; 9] = [
    "TooManyRequestsException",
    "EC2ThrottledException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
    "SnapStartTimeoutException",
    "ThrottlingException",
];

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The function is not in the deployment's list.
    #[error("the deployment does not allow the function `{function}` to be called{}", known_names(function, known.iter().map(String::as_str)))]
    NotAllowed {
        /// As the document names it.
        function: String,
        /// The names in the list.
        known: Vec<String>,
    },
    /// It could not begin, and may a moment later.
    #[error("the function `{function}` could not begin: {reason}")]
    NotBegun {
        /// As the document names it.
        function: String,
        /// What Lambda said.
        reason: String,
    },
    /// Lambda refused the call.
    #[error("Lambda refused the call of the function `{function}`: {reason}")]
    Refused {
        /// As the document names it.
        function: String,
        /// What Lambda said.
        reason: String,
    },
    /// It has not answered in time. It may still be at work.
    #[error("the function `{function}` did not answer within {} seconds", .after.as_secs())]
    TimedOut {
        /// As the document names it.
        function: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The call or its answer was lost.
    #[error("the call of the function `{function}` was lost: {reason}")]
    Lost {
        /// As the document names it.
        function: String,
        /// What happened.
        reason: String,
    },
}

impl Error {
    pub(crate) fn of<R: std::fmt::Debug>(function: &str, error: &SdkError<InvokeError, R>) -> Self {
        let (function, reason) = (function.to_owned(), reason(error));
        let code = error.code().unwrap_or_default();
        match error {
            SdkError::ServiceError(_) if PASSING.contains(&code) => {
                Self::NotBegun { function, reason }
            }
            SdkError::ServiceError(refused) if !refused.err().is_service_exception() => {
                Self::Refused { function, reason }
            }
            SdkError::ConstructionFailure(_) => Self::Refused { function, reason },
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                Self::Refused { function, reason }
            }
            _ => Self::Lost { function, reason },
        }
    }

    /// Whether the function may have been carried out.
    #[must_use]
    pub fn may_have_acted(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Lost { .. })
    }

    /// Whether the same call can succeed later.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::NotBegun { .. } | Self::TimedOut { .. } | Self::Lost { .. }
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        let passes = error.passes();
        let problem = match error {
            Error::NotAllowed { .. } => {
                Self::new(403, "FunctionNotAllowed", "Function Not Allowed", cause).solution([
                    "Name a function of the deployment's list",
                    "Or deploy the template with the function's ARN in the parameter NodeFunctions",
                ])
            }
            Error::NotBegun { .. } => {
                Self::new(429, "FunctionNotBegun", "Function Not Begun", cause).solution([
                    "Try again in a moment",
                    "Where this happens often: reserve concurrency for the function, or lower `limits.maxConcurrency`",
                ])
            }
            Error::Refused { .. } => {
                Self::new(502, "FunctionRefused", "Function Refused", cause).solution([
                    "Check that the function exists in this account and region, and that its payload has at most 6 MB",
                    "Where its own policy refuses: allow the role of execute-node to invoke it",
                ])
            }
            Error::TimedOut { .. } => {
                Self::new(504, "FunctionTimeout", "Function Timeout", cause).solution([
                    "Raise the node's `timeoutSeconds` above the function's own time limit",
                ])
            }
            Error::Lost { .. } => Self::new(502, "FunctionLost", "Function Lost", cause)
                .solution(["Try again in a moment"]),
        };
        problem.retryable(passes)
    }
}
