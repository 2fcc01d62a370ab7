//! API Gateway Lambda authorizer: lets in who sends the API's bearer token.

mod app;
mod handler;

use app::App;
use steps_lambda::{Aws, Config, Main, serve_task, start};
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let app = App {
        client: Aws::load().await.secrets_manager(),
        secret_id: Config.api_token_secret_id()?,
        cached: Mutex::default(),
    };
    serve_task(async |task| handler::handle(&app, task.event).await).await
}
