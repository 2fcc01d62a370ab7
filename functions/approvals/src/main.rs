//! The door of people who decide by a signed link: checks the link itself, shows what is asked, and decides it once.

mod app;
mod decide;
mod handler;
mod page;
mod show;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_open_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        executions: aws.executions()?,
        key: aws.events_key()?,
    };
    serve_open_http(async |request| handler::handle(&app, &request).await).await
}
