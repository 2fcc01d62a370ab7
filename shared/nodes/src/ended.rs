//! How a try of a node ends.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use steps_problem::Problem;

/// How a try of a node ends: with what has come of it, or with a failure.
pub type Ended = Result<Tried, Failed>;

/// What has come of a try that did not fail.
#[derive(Debug)]
pub enum Tried {
    /// The node's output.
    Done(Value),
    /// The node waits, and neither a function nor a lane waits with it. It is tried again once its message has come, or its
    /// time.
    Paused(Pause),
}

impl From<Value> for Tried {
    fn from(output: Value) -> Self {
        Self::Done(output)
    }
}

/// What a node waits for that was tried and has paused.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// What it waits for, in a word.
    pub waits_for: WaitsFor,
    /// The name of the message that it waits for, if it waits for one.
    pub awaits: Option<String>,
    /// The time at which it is tried again at the latest; `None` where only a message lets it go on.
    pub until: Option<Timestamp>,
    /// What is shown to those who may answer.
    pub shown: Option<Value>,
}

/// What a node waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// A time.
    Time,
    /// A signal.
    Signal,
    /// A person's decision.
    Approval,
}

/// How a node has paused before.
#[derive(Debug, Clone, PartialEq)]
pub struct Paused {
    /// When it paused first.
    pub since: Timestamp,
    /// The time at which it was to be tried again at the latest.
    pub until: Option<Timestamp>,
    /// The name of the message that it waits for.
    pub awaits: Option<String>,
}

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
