//! Costs: what runs have cost, by day and by what they are told by.

mod app;
mod handler;
mod list;

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
