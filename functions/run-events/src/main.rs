//! Streams what a run does, as server-sent events, through a function URL. Whoever has a token for the run may watch it.

mod app;
mod handler;
mod stream;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_stream, start};
use steps_live::Plans;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        key: aws.events_key()?,
        plans: Plans::default(),
    };
    serve_stream(async |request| handler::handle(&app, &request).await).await
}
