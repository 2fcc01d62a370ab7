//! The door of the API, of schedules and of AWS events: check, record the run, start its execution.

mod app;
mod aws_event;
mod eventbridge;
mod handler;
mod hook;
mod rerun;
mod resume;
mod run;
mod s3;
mod schedule;
mod sns;
mod sqs;

use app::App;
use steps_aws::{Aws, Config};
use steps_catalogue::Catalogue;
use steps_lambda::{Main, serve_audited_http_and_events, start};
use steps_starts::Starts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let (store, executions) = (aws.store()?, aws.executions()?);
    let app = App {
        starts: Starts {
            store: store.clone(),
            catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
            executions: executions.clone(),
            local_callbacks: Config.local_callbacks()?,
        },
        store,
        executions,
        most_waiters: Config.most_waiters()?,
    };
    serve_audited_http_and_events(
        app.store.audits(),
        async |request| handler::request(&app, &request).await,
        async |task| handler::event(&app, task).await,
    )
    .await
}
