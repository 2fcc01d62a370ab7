//! The door of webhooks: checks the sender itself, then starts the run.

mod app;
mod handler;
mod receive;

use app::App;
use steps_aws::{Aws, Config};
use steps_catalogue::Catalogue;
use steps_lambda::{Main, serve_open_http, start};
use steps_starts::Starts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let store = aws.store()?;
    let app = App {
        starts: Starts {
            store: store.clone(),
            catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
            executions: aws.executions()?,
            local_callbacks: Config.local_callbacks()?,
        },
        store,
        webhook_secrets: aws.webhook_secrets()?,
        most_waiters: Config.most_waiters()?,
    };
    serve_open_http(async |request| handler::handle(&app, &request).await).await
}
