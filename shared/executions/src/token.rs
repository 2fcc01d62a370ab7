//! Tokens of tasks: a task that waits for its token's answer goes on, or ends, by that answer.

use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use serde_json::Value;
use steps_sdk_error::reason;

use crate::{Error, Executions};

impl Executions {
    /// Ends the task with this output. `false` where it has ended already, or was given up.
    pub async fn succeed(&self, token: &str, output: &Value) -> Result<bool, Error> {
        let answered = self
            .client
            .send_task_success()
            .task_token(token)
            .output(output.to_string())
            .send()
            .await;
        heard(answered)
    }

    /// Ends the task with a failure of this name. `false` where it has ended already, or was given up.
    pub async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<bool, Error> {
        let answered = self
            .client
            .send_task_failure()
            .task_token(token)
            .error(error)
            .cause(cause)
            .send()
            .await;
        heard(answered)
    }
}

fn heard<T, E, R>(answered: Result<T, SdkError<E, R>>) -> Result<bool, Error>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match answered {
        Ok(_) => Ok(true),
        Err(error) => match error.code() {
            Some("TaskTimedOut" | "TaskDoesNotExist" | "InvalidToken") => Ok(false),
            _ => Err(Error::NotAnswered(reason(&error))),
        },
    }
}
