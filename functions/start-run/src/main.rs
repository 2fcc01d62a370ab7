//! The door for API and webhook: check, record the run, start its execution.

mod http;
mod start;

use start::StartRun;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start();
    let aws = Aws::load().await;
    let store = aws.store()?;
    let start_run = StartRun {
        catalogue: Catalogue::new(store.clone()),
        store,
        step_functions: aws.step_functions(),
        state_machine_arn: Config.state_machine_arn()?,
    };
    serve_http(async |request| start_run.http(&request).await).await
}
