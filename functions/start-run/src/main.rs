//! The door for API and webhook: check, record the run, start its execution.

mod callback;
mod context;
mod hook;
mod http;
mod input;
mod start;

use start::StartRun;
use steps_lambda::{Aws, Config, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start();
    let aws = Aws::load().await;
    let start_run = StartRun {
        store: aws.store()?,
        step_functions: aws.step_functions(),
        state_machine_arn: Config.state_machine_arn()?,
        webhook_secrets: aws.webhook_secrets()?,
        local_callbacks: Config.local_callbacks(),
    };
    serve_http(async |request| start_run.http(&request).await).await
}
