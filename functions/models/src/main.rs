//! Models: OpenRouter's live list, through a cache.

mod describe;
mod filters;
mod handler;
mod list;
mod row;

use handler::Models;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_http, start};
use steps_openrouter::{App, BASE_URL, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let base_url = Config.openrouter_base_url();
    let models = Models::new(
        Client::new(base_url.as_deref().unwrap_or(BASE_URL), App::default())?,
        Catalogue::new(aws.store()?, base_url.as_deref()),
    );
    serve_http(async |request| models.handle(&request).await).await
}
