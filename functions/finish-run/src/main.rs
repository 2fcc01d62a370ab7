//! Step Functions' end-of-execution event: closes the run's record, whatever ended it. A sweep finds those whose end
//! nobody told.

mod app;
mod event;
mod follow;
mod handler;
mod sweep;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        executions: aws.executions()?,
        callbacks: aws.callback_queue()?,
    };
    serve_task(async |task| handler::handle(&app, &task.event).await).await
}
