//! Runs: what was started, how it stands, what it answered and cost; and its end, where it is not wanted any more.

mod handler;

use handler::Runs;
use steps_lambda::{Aws, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let runs = Runs {
        store: aws.store()?,
        executions: aws.executions()?,
    };
    serve_http(async |request| runs.handle(&request).await).await
}
