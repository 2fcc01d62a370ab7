//! How a try of a node ends.

use std::time::Duration;

use serde_json::Value;
use steps_problem::Problem;

/// How a try of a node ends: with the node's output, or with a failure.
pub type Ended = Result<Value, Failed>;

/// A try that failed.
#[derive(Debug)]
pub struct Failed {
    /// What went wrong. Where it is `retryable`, the node may be tried again.
    pub problem: Problem,
    /// How long to wait before the next try, where the other side said so.
    pub retry_after: Option<Duration>,
    /// What came of the try all the same: fields of the output of a node that has failed. A next try gets it by
    /// [`Prepared::mend`](crate::Prepared::mend), and is made at once.
    pub draft: Option<Value>,
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            retry_after: None,
            draft: None,
        }
    }
}

impl From<steps_openrouter::Error> for Failed {
    fn from(error: steps_openrouter::Error) -> Self {
        Self {
            retry_after: error.retry_after(),
            problem: error.into(),
            draft: None,
        }
    }
}
