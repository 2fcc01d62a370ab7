//! Webhooks: doors of a workflow, each with a secret of its own. And the secret that signs the workflow's callbacks.

mod app;
mod callback_secret;
mod delete;
mod faults;
mod get;
mod handler;
mod list;
mod put;
mod rotate;
mod secret;
mod shown;

use app::App;
use steps_aws::Aws;
use steps_lambda::{Main, serve_audited_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        secrets: aws.webhook_secrets()?,
        callbacks: aws.callback_vault()?,
    };
    let audits = app.store.audits();
    serve_audited_http(audits, async |request| {
        handler::handle(&app, &request).await
    })
    .await
}
