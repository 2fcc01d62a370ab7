//! How the queue fails.

use steps_problem::Problem;

/// A failure of SQS: it refused, was throttling or did not answer. Carries AWS's reason, or the kind of connection
/// failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ended execution was not put into the queue.
    #[error("SQS did not take the run that is to be posted: {0}")]
    NotQueued(String),
    /// The message was not hidden for its pause: it comes back after the queue's visibility timeout.
    #[error("SQS did not hide the message for its pause: {0}")]
    NotHidden(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(
            503,
            "CallbackNotQueued",
            "Callback Not Queued",
            error.to_string(),
        )
        .solution([
            "Wait: what an ended run asks for is tried again, later and later, until it is done",
            "Where you asked for it to be sent again: ask once more",
            "If it still fails, deploy the template again",
        ])
        .retryable(true)
    }
}
