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
use steps_lambda::{Aws, Config, Main, serve_task, start};
use steps_openrouter::{BASE_URL, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let base_url = Config.openrouter_base_url();
    let openrouter = Client::new(
        base_url.as_deref().unwrap_or(BASE_URL),
        steps_openrouter::App::default(),
    )?;
    let app = App {
        management: Management {
            secrets: aws.secrets_manager(),
            secret_id: Config.management_key_secret_id()?,
            openrouter: openrouter.clone(),
        },
        openrouter,
        store: aws.store()?,
        secrets: aws.secrets()?,
    };
    serve_task(async |task| handler::handle(&app, task.event).await).await
}
