//! The door for API, webhook, schedule and AWS events: check, record the run, start its execution.

mod aws_event;
mod event;
mod http;
mod schedule;
mod start;

use start::StartRun;
use steps_lambda::{Aws, Config, Main, serve_http_and_events, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start();
    let aws = Aws::load().await;
    let start_run = StartRun {
        store: aws.store()?,
        step_functions: aws.step_functions(),
        state_machine_arn: Config.state_machine_arn()?,
    };
    serve_http_and_events(
        async |request| start_run.http(&request).await,
        async |task| start_run.event(task).await,
    )
    .await
}
