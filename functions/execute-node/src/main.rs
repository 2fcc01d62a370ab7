//! Step Functions task: one node of one run.

mod budget;
mod handler;
mod inline;
mod node_variable;
mod price;
mod recover;
mod request;
mod run_node;
mod watch;

use handler::ExecuteNode;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_task, start};
use steps_openrouter::{App, BASE_URL, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let base_url = Config.openrouter_base_url();
    let app = App {
        referer: Config.app_referer(),
        title: Config.app_title(),
    };
    let store = aws.store()?;
    let catalogue = Catalogue::new(store.clone(), base_url.as_deref());
    let execute_node = ExecuteNode::new(
        Client::new(base_url.as_deref().unwrap_or(BASE_URL), app)?,
        store,
        aws.secrets()?,
        catalogue,
    );
    serve_task(async |task| execute_node.handle(task).await).await
}
