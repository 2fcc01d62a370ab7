//! What can go wrong with an execution.

use steps_problem::Problem;

/// A failure of Step Functions: it refused, was throttling or did not answer. Each carries AWS's reason, or the kind of
/// connection failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The execution was not started.
    #[error("Step Functions did not start the run's execution: {0}")]
    NotStarted(String),
    /// The execution was not stopped.
    #[error("Step Functions did not stop the run's execution: {0}")]
    NotStopped(String),
    /// How the execution stands is not known.
    #[error("Step Functions did not give the state of the run's execution: {0}")]
    NotDescribed(String),
    /// A task's token was not answered.
    #[error("Step Functions did not take the answer to a task's token: {0}")]
    NotAnswered(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (code, title, first) = match error {
            Error::NotStarted(_) => (
                "ExecutionNotStarted",
                "Execution Not Started",
                "Start the run again in a few seconds",
            ),
            Error::NotStopped(_) => (
                "RunNotStopped",
                "Run Not Stopped",
                "Cancel the run again in a few seconds: no further node of it begins in the meantime",
            ),
            Error::NotDescribed(_) => (
                "ExecutionUnknown",
                "Execution Unknown",
                "Wait: it is asked again in a few minutes",
            ),
            Error::NotAnswered(_) => (
                "TokenNotAnswered",
                "Token Not Answered",
                "Wait: the state machine tries the task again",
            ),
        };
        Self::new(503, code, title, error.to_string())
            .solution([
                first,
                "If it still fails: deploy the template again, and look at the account's Step Functions quotas",
            ])
            .retryable(true)
    }
}
