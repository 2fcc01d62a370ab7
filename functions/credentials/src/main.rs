//! Credentials: OpenRouter API keys, and secrets of HTTP requests, under a name.

mod actor;
mod app;
mod audit;
mod change;
mod check;
mod create;
mod delete;
mod fields;
mod get;
mod handler;
mod list;
mod restore;
mod rotate;
mod rotation;

use app::App;
use steps_aws::{Aws, Config};
use steps_lambda::{Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        openrouter: Config.openrouter()?,
        store: aws.store()?,
        secrets: aws.secrets()?,
        rotate_key_arn: Config.rotate_key_arn(),
    };
    serve_http(async |request| handler::handle(&app, &request).await).await
}
