//! Schedules: when EventBridge Scheduler starts a workflow.

mod app;
mod delete;
mod get;
mod handler;
mod list;
mod put;
mod schedule_body;
mod scheduler;
mod shown;

use app::App;
use scheduler::Scheduler;
use steps_lambda::{Aws, Config, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        scheduler: Scheduler {
            client: aws.scheduler(),
            group: Config.schedule_group()?,
            target_arn: Config.schedule_target_arn()?,
            target_role_arn: Config.schedule_role_arn()?,
            lost_arn: Config.schedule_lost_arn()?,
        },
    };
    serve_http(async |request| handler::handle(&app, &request).await).await
}
