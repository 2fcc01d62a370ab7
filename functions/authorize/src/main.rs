//! API Gateway Lambda authorizer: lets in who sends a token of the API.

mod app;
mod handler;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        root: aws.root_token()?,
        tokens: aws.store()?.tokens(),
    };
    serve_task(async |task| handler::handle(&app, task.event).await).await
}
