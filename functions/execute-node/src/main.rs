//! Step Functions task: one node of one run, and what its lane does next.

mod answer;
mod app;
mod attempt;
mod budgets;
mod context;
mod costs;
mod credit;
mod deadlines;
mod event;
mod executed;
mod handler;
mod inline;
mod known_list;
mod known_run;
mod lane;
mod lease;
mod list;
mod live;
mod recorded;
mod retry;
mod scope;

use app::App;
use budgets::day_limits;
use known_list::known_lists;
use known_run::known_runs;

use steps_aws::{Aws, Config};
use steps_catalogue::Catalogue;
use steps_lambda::{Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let store = aws.store()?;
    let app = App {
        openrouter: Config.openrouter()?,
        catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
        day_limits: day_limits(),
        known_runs: known_runs(),
        known_lists: known_lists(),
        executions: aws.executions()?,
        web: Config.web()?,
        invocations: aws.invocations(),
        hand_over_after: Config.hand_over_after()?,
        store,
        secrets: aws.secrets()?,
    };
    serve_task(async |task| handler::handle(&app, task).await).await
}
