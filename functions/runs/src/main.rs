//! Runs: what was started, how it stands, what it answered and cost.

mod handler;

use handler::Runs;
use steps_lambda::{Aws, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start();
    let runs = Runs {
        store: Aws::load().await.store()?,
    };
    serve_http(async |request| runs.handle(&request).await).await
}
