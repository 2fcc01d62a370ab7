//! Rotates an OpenRouter key, step by step as Secrets Manager asks.

mod app;
mod create;
mod finish;
mod handler;
mod management;
mod retire;
mod set;
mod stored;
mod test;

use app::App;
use management::Management;
use steps_aws::{Aws, Config};
use steps_lambda::{Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let openrouter = Config.openrouter()?;
    let app = App {
        management: Management {
            key: aws.management_key()?,
            openrouter: openrouter.clone(),
        },
        openrouter,
        store: aws.store()?,
        secrets: aws.secrets()?,
    };
    serve_task(async |task| handler::handle(&app, task.event).await).await
}
