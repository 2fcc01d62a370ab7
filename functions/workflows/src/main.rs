//! Workflows: documents that runs follow.

mod handler;
mod schedules;
mod sources;

use handler::Workflows;
use schedules::Schedules;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let store = aws.store()?;
    let workflows = Workflows {
        catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
        store,
        schedules: Schedules {
            client: aws.scheduler(),
            group: Config.schedule_group()?,
        },
    };
    serve_http(async |request| workflows.handle(&request).await).await
}
