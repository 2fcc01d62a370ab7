//! What can go wrong with a schedule in EventBridge Scheduler.

use steps_problem::{Problem, Upstream};

/// A failure of EventBridge Scheduler, or of a schedule that it keeps.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Scheduler refused the schedule.
    #[error("EventBridge Scheduler refused the schedule; nothing was changed")]
    Refused {
        /// Why, in its own words.
        message: String,
    },
    /// Scheduler refused access, was throttling or did not answer.
    #[error("EventBridge Scheduler did not serve the schedule: {0}")]
    Unavailable(String),
    /// Not all schedules of a workflow were deleted.
    #[error("EventBridge Scheduler did not delete the workflow's schedules: {0}")]
    NotDeleted(String),
    /// The schedule was not put by this project.
    #[error("the target of the schedule `{0}` was not written by this API")]
    Malformed(String),
    /// The schedule could not be written as JSON. This is a fault of this project, not of the caller.
    #[error("the schedule cannot be written: {0}")]
    Unwritable(String),
}

impl Error {
    /// The same failure, for a schedule that was to be deleted with its workflow.
    pub(crate) fn not_deleted(self) -> Self {
        match self {
            Self::Unavailable(reason) => Self::NotDeleted(reason),
            other => other,
        }
    }

    pub(crate) fn unwritable(error: impl std::error::Error) -> Self {
        Self::Unwritable(error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        let unavailable =
            |cause| Self::new(503, "SchedulerUnavailable", "Scheduler Unavailable", cause);
        match error {
            Error::Refused { message } => {
                Self::new(422, "InvalidSchedule", "Invalid Schedule", cause)
                    .solution(["Correct what `upstream` names and put it again"])
                    .upstream(Some(Upstream {
                        message,
                        ..Upstream::default()
                    }))
            }
            Error::Unavailable(_) => unavailable(cause)
                .solution([
                    "Try again in a few seconds",
                    "If it still fails: look at the account's EventBridge Scheduler quotas, and deploy the template again",
                ])
                .retryable(true),
            Error::NotDeleted(_) => unavailable(cause)
                .solution([
                    "Delete the workflow again: the workflow itself is deleted, and the next try deletes its schedules",
                ])
                .retryable(true),
            Error::Malformed(_) => {
                Self::new(500, "ScheduleMalformed", "Schedule Malformed", cause)
                    .solution(["Put the schedule again", "Or delete it"])
            }
            Error::Unwritable(_) => Self::unwritable(error),
        }
    }
}
