//! Posts an ended run to the address that its caller named, again and again until it is taken.

mod app;
mod deliver;
mod handler;
mod pause;
mod post;
mod sign;

use app::App;
use steps_aws::{Aws, Config};
use steps_lambda::{Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        queue: aws.callback_queue()?,
        lost: aws.lost_callbacks()?,
        secret: aws.callback_secret()?,
        vault: aws.callback_vault()?,
        http: post::http(Config.local_callbacks()?)?,
    };
    serve_task(async |task| handler::handle(&app, task.event).await).await
}
