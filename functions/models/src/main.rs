//! Models: OpenRouter's live list, through a cache.

mod app;
mod describe;
mod filters;
mod handler;
mod list;
mod listed;
mod refresh;

use app::App;
use steps_aws::{Aws, Config};
use steps_catalogue::Catalogue;
use steps_fresh::Fresh;
use steps_lambda::{Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        openrouter: Config.openrouter()?,
        catalogue: Catalogue::new(aws.store()?, Config.openrouter_base_url().as_deref()),
        failure: Fresh::new(listed::PAUSE, 1),
    };
    serve_http(async |request| handler::handle(&app, &request).await).await
}
