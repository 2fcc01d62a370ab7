//! Workflows: documents that runs follow.

mod app;
mod delete;
mod delete_source;
mod get;
mod handler;
mod import;
mod list;
mod list_sources;
mod plan;
mod put;
mod put_source;
mod switch;
mod vars;

use app::App;
use steps_aws::{Aws, Config};
use steps_catalogue::Catalogue;
use steps_lambda::{Main, serve_audited_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let store = aws.store()?;
    let app = App {
        catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
        store,
        scheduler: aws.scheduler()?,
    };
    let audits = app.store.audits();
    serve_audited_http(audits, async |request| {
        handler::handle(&app, &request).await
    })
    .await
}
