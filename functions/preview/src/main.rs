//! Previews: what a node would send and may cost. It calls nothing and stores nothing.

mod app;
mod handler;
mod preview;
mod values;

use app::App;
use steps_aws::{Aws, Config};
use steps_catalogue::Catalogue;
use steps_lambda::{Main, serve_reading_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let store = Aws::load().await.store()?;
    let app = App {
        catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
        store,
    };
    serve_reading_http(async |request| handler::handle(&app, &request).await).await
}
