//! Webhooks: doors of a workflow, each with a secret of its own.

mod handler;

use handler::Webhooks;
use steps_lambda::{Aws, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let webhooks = Webhooks {
        store: aws.store()?,
        secrets: aws.webhook_secrets()?,
    };
    serve_http(async |request| webhooks.handle(&request).await).await
}
