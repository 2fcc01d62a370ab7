//! Schedules: when EventBridge Scheduler starts a workflow.

mod app;
mod delete;
mod get;
mod handler;
mod list;
mod put;
mod schedule_body;
mod shown;

use app::App;
use steps_aws::{Aws, Config};
use steps_lambda::{Main, serve_audited_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        scheduler: aws.scheduler()?,
        fires: Config.schedule_fires()?,
    };
    let audits = app.store.audits();
    serve_audited_http(audits, async |request| {
        handler::handle(&app, &request).await
    })
    .await
}
