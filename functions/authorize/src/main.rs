//! API Gateway Lambda authorizer: lets in who sends the API's bearer token.

mod handler;

use handler::Authorize;
use steps_lambda::{Aws, Config, Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let authorize = Authorize::new(
        Aws::load().await.secrets_manager(),
        Config.api_token_secret_id()?,
    );
    serve_task(async |task| authorize.handle(task.event).await).await
}
