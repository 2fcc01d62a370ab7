//! The door for API, webhook, schedule and AWS events: check, record the run, start its execution.

mod again;
mod aws_event;
mod callback;
mod context;
mod event;
mod hook;
mod http;
mod input;
mod schedule;
mod start;
mod used;

use start::StartRun;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_http_and_events, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let store = aws.store()?;
    let start_run = StartRun {
        catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
        store,
        executions: aws.executions()?,
        webhook_secrets: aws.webhook_secrets()?,
        local_callbacks: Config.local_callbacks(),
    };
    serve_http_and_events(
        &[http::WEBHOOK],
        async |request| start_run.http(&request).await,
        async |task| start_run.event(task).await,
    )
    .await
}
