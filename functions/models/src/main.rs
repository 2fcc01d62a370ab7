//! Models: OpenRouter's live list, through a cache.

mod app;
mod describe;
mod filters;
mod handler;
mod list;
mod listed;
mod refresh;
mod row;

use app::App;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_http, start};
use steps_openrouter::{BASE_URL, Client};
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let base_url = Config.openrouter_base_url();
    let app = App {
        openrouter: Client::new(
            base_url.as_deref().unwrap_or(BASE_URL),
            steps_openrouter::App::default(),
        )?,
        catalogue: Catalogue::new(aws.store()?, base_url.as_deref()),
        failure: Mutex::default(),
    };
    serve_http(async |request| handler::handle(&app, &request).await).await
}
