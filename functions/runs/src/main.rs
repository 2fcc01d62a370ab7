//! Runs: lists them, shows how they stand and what they answered and cost, cancels them, and erases their texts.

mod app;
mod cancel;
mod erase;
mod get;
mod get_node;
mod handler;
mod list;
mod list_items;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_audited_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        executions: aws.executions()?,
    };
    let audits = app.store.audits();
    serve_audited_http(audits, async |request| {
        handler::handle(&app, &request).await
    })
    .await
}
