//! Step Functions' end-of-execution event: closes the run's record, whatever ended it, and does what its end asks for. A sweep
//! finds ends that nobody told, and what was left undone.

mod app;
mod event;
mod follow;
mod follow_up;
mod handler;
mod sweep;
mod timers;

use app::App;
use steps_aws::{Aws, Config};
use steps_catalogue::Catalogue;
use steps_lambda::{Main, serve_task, start};
use steps_starts::Starts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let (store, executions) = (aws.store()?, aws.executions()?);
    let app = App {
        starts: Starts {
            store: store.clone(),
            catalogue: Catalogue::new(store.clone(), Config.openrouter_base_url().as_deref()),
            executions: executions.clone(),
            local_callbacks: Config.local_callbacks()?,
        },
        store,
        executions,
        callbacks: aws.callback_queue()?,
        events: aws.event_bus()?,
    };
    serve_task(async |task| handler::handle(&app, &task.event, task.remaining()).await).await
}
