//! Workflows: documents that runs follow.

mod handler;

use handler::Workflows;
use steps_lambda::{Aws, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start();
    let workflows = Workflows {
        store: Aws::load().await.store()?,
    };
    serve_http(async |request| workflows.handle(&request).await).await
}
