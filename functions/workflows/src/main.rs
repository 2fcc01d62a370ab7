//! Workflows: documents that runs follow.

mod app;
mod delete;
mod delete_source;
mod get;
mod handler;
mod list;
mod list_sources;
mod put;
mod put_source;
mod schedules;
mod shown;

use app::App;
use schedules::Schedules;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let store = aws.store()?;
    let app = App {
        catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
        store,
        schedules: Schedules {
            client: aws.scheduler(),
            group: Config.schedule_group()?,
        },
    };
    serve_http(async |request| handler::handle(&app, &request).await).await
}
