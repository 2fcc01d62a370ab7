//! Tokens: who may use the API, and for what; and the audit, which tells what was changed with them.

mod app;
mod audit;
mod create;
mod get;
mod handler;
mod list;
mod revoke;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let app = App {
        store: Aws::load().await.store()?,
    };
    serve_http(async |request| handler::handle(&app, &request).await).await
}
