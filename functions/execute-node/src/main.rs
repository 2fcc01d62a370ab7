//! Step Functions task: one node of one run.

mod answer;
mod app;
mod attempt;
mod budgets;
mod call;
mod context;
mod costs;
mod deadlines;
mod event;
mod handler;
mod inline;
mod lease;
mod node_variable;
mod price;
mod recorded;
mod request;
mod retry;

use app::App;
use budgets::DayLimits;
use steps_catalogue::Catalogue;
use steps_lambda::{Aws, Config, Main, serve_task, start};
use steps_openrouter::{BASE_URL, Client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let base_url = Config.openrouter_base_url();
    let caller = steps_openrouter::App {
        referer: Config.app_referer(),
        title: Config.app_title(),
    };
    let store = aws.store()?;
    let app = App {
        openrouter: Client::new(base_url.as_deref().unwrap_or(BASE_URL), caller)?,
        catalogue: Catalogue::new(store.clone(), base_url.as_deref()),
        day_limits: DayLimits::default(),
        store,
        secrets: aws.secrets()?,
    };
    serve_task(async |task| handler::handle(&app, task).await).await
}
