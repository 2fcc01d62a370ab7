//! Workflows: documents that runs follow.

mod handler;

use handler::Workflows;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start();
    let store = Aws::load().await.store()?;
    let workflows = Workflows {
        catalogue: Catalogue::new(store.clone()),
        store,
    };
    serve_http(async |request| workflows.handle(&request).await).await
}
