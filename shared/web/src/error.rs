//! What can go wrong with a request, and whether it may have been carried out.

use std::time::Duration;

use steps_problem::Problem;

/// Why a request has no answer. It names the origin of the address, never its path or query: these may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address is none that may be called.
    #[error("{origin} may not be called: {reason}")]
    NotAllowed {
        /// Scheme, host and port.
        origin: String,
        /// What the address is.
        reason: String,
    },
    /// A redirect is not followed.
    #[error("a redirect from {origin} is not followed: {reason}")]
    Redirect {
        /// Where it came from.
        origin: String,
        /// Why not.
        reason: String,
    },
    /// No connection was made.
    #[error("{origin} cannot be reached: {reason}")]
    Unreachable {
        /// Scheme, host and port.
        origin: String,
        /// What the network said.
        reason: String,
    },
    /// The answer did not come, or not to its end, in time.
    #[error("{origin} did not answer within {} seconds", .after.as_secs())]
    TimedOut {
        /// Scheme, host and port.
        origin: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection broke before the end of the answer.
    #[error("the connection to {origin} broke before its answer had ended: {reason}")]
    Broken {
        /// Scheme, host and port.
        origin: String,
        /// What the network said.
        reason: String,
    },
    /// The answer is longer than is taken.
    #[error("the answer of {origin} has more than {most} bytes")]
    TooLarge {
        /// Scheme, host and port.
        origin: String,
        /// The most bytes.
        most: usize,
    },
}

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// Whether the other side may have carried the request out all the same.
    pub may_have_acted: bool,
}

impl Error {
    /// Whether the same request can succeed later.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Broken { .. }
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        let passes = error.passes();
        let problem = match error {
            Error::NotAllowed { .. } => {
                Self::new(403, "HttpAddressRefused", "HTTP Address Refused", cause).solution([
                    "Call a public address by https://, without a user name or password in it",
                    "Where the host is your own and not public: deploy the template with it in the parameter HttpHosts",
                ])
            }
            Error::Redirect { .. } => {
                Self::new(502, "HttpRedirectRefused", "HTTP Redirect Refused", cause).solution([
                    "Put the address that the redirect leads to into the node's `url`",
                    "Or set `redirects` to 0: the redirect itself is then the answer, with `headers.location`",
                ])
            }
            Error::Unreachable { .. } => {
                Self::new(502, "HttpUnreachable", "HTTP Unreachable", cause).solution([
                    "Check the host's name and port in the node's `url`",
                    "Try again later where the host was down",
                ])
            }
            Error::TimedOut { .. } => Self::new(504, "HttpTimeout", "HTTP Timeout", cause)
                .solution([
                    "Raise the node's `timeoutSeconds`",
                    "Or ask for less at once",
                ]),
            Error::Broken { .. } => Self::new(502, "HttpBroken", "HTTP Connection Broken", cause)
                .solution(["Try again later", "Ask whoever runs the host"]),
            Error::TooLarge { .. } => {
                Self::new(502, "HttpAnswerTooLarge", "HTTP Answer Too Large", cause).solution([
                    "Ask for less, such as one page of a list",
                    "Or raise the node's `maxBytes`",
                ])
            }
        };
        problem.retryable(passes)
    }
}
