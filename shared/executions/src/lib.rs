#![doc = include_str!("../README.md")]

mod error;
mod name;
mod token;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::ProvideErrorMetadata;
use jiff::Timestamp;
use serde_json::json;
use steps_sdk_error::reason;

pub use error::Error;
pub use name::ExecutionName;

/// The state machine that runs workflows.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
    state_machine_arn: String,
}

/// The state of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED` or `PENDING_REDRIVE`.
    pub status: String,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// The error code with which it failed.
    pub error: Option<String>,
    /// Why it failed, in words.
    pub cause: Option<String>,
}

impl Executions {
    /// Executions of the state machine of this ARN.
    pub fn new(client: Client, state_machine_arn: impl Into<String>) -> Self {
        Self {
            client,
            state_machine_arn: state_machine_arn.into(),
        }
    }

    /// Starts an execution with a lane for each of `first`, the unit that the lane begins with. One that was started
    /// before is left as it is.
    pub async fn start(
        &self,
        name: &ExecutionName<'_>,
        first: &[Option<String>],
    ) -> Result<(), Error> {
        let lanes = (1..).zip(first);
        let lanes: Vec<_> = lanes
            .map(|(lane, unit): (u8, _)| json!({"lane": lane, "unit": unit}))
            .collect();
        let input = json!({
            "runId": name.run_id,
            "take": name.take,
            "part": name.part,
            "lanes": lanes,
        });
        let started = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(name.to_string())
            .input(input.to_string())
            .send()
            .await;
        match started {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(()),
            Err(error) => Err(Error::NotStarted(reason(&error))),
        }
    }

    /// Stops an execution; `why` is kept with it. An execution that has ended or does not exist is no error.
    pub async fn stop(&self, name: &ExecutionName<'_>, cause: &str) -> Result<(), Error> {
        let stopped = self
            .client
            .stop_execution()
            .execution_arn(self.arn(name))
            .error("RunAborted")
            .cause(cause)
            .send()
            .await;
        match stopped {
            Ok(_) => Ok(()),
            Err(error) if is_gone(error.code()) => Ok(()),
            Err(error) => Err(Error::NotStopped(reason(&error))),
        }
    }

    /// The state of an execution; `None` where there is none of this name, or none any more.
    pub async fn find(&self, name: &ExecutionName<'_>) -> Result<Option<Execution>, Error> {
        let described = self
            .client
            .describe_execution()
            .execution_arn(self.arn(name))
            .send()
            .await;
        match described {
            Ok(execution) => Ok(Some(Execution {
                status: execution.status.as_str().to_owned(),
                stopped_at: execution
                    .stop_date
                    .and_then(|at| Timestamp::from_millisecond(at.to_millis().ok()?).ok()),
                error: execution.error,
                cause: execution.cause,
            })),
            Err(error) if is_gone(error.code()) => Ok(None),
            Err(error) => Err(Error::NotDescribed(reason(&error))),
        }
    }

    fn arn(&self, name: &ExecutionName<'_>) -> String {
        let machine = self
            .state_machine_arn
            .replace(":stateMachine:", ":execution:");
        format!("{machine}:{name}")
    }
}

fn is_gone(code: Option<&str>) -> bool {
    // StopExecution answers ValidationException where the execution has ended.
    matches!(code, Some("ExecutionDoesNotExist" | "ValidationException"))
}
