//! API Gateway Lambda authorizer: lets in who sends the API's bearer token.

mod app;
mod handler;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let app = App {
        token: Aws::load().await.api_token()?,
    };
    serve_task(async |task| handler::handle(&app, task.event).await).await
}
