//! Credentials: OpenRouter API keys under a name.

mod change;
mod create;
mod delete;
mod handler;
mod rotation;
mod shown;

use handler::Credentials;
use steps_lambda::{Aws, Config, Main, serve_http, start};
use steps_openrouter::{App, BASE_URL, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let base_url = Config.openrouter_base_url();
    let credentials = Credentials {
        openrouter: Client::new(base_url.as_deref().unwrap_or(BASE_URL), App::default())?,
        store: aws.store()?,
        secrets: aws.secrets()?,
        rotate_key_arn: Config.rotate_key_arn(),
    };
    serve_http(async |request| credentials.handle(&request).await).await
}
