//! Runs: lists them, shows how they stand, what they answered and cost and to whom their ends were delivered, lets them be
//! watched, cancels them, gives nodes their outputs by hand, and erases their texts.

mod app;
mod approvals;
mod cancel;
mod deliveries;
mod erase;
mod events;
mod get;
mod get_file;
mod get_node;
mod give_output;
mod handler;
mod list;
mod list_items;
mod signal;

use app::App;
use steps_aws::{Aws, Config};
use steps_lambda::{Main, serve_audited_http, start};
use steps_live::Plans;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    let aws = Aws::load().await;
    let app = App {
        store: aws.store()?,
        executions: aws.executions()?,
        events_key: aws.events_key()?,
        events_url: Config.events_url(),
        plans: Plans::default(),
        callbacks: aws.callback_queue()?,
    };
    let audits = app.store.audits();
    serve_audited_http(audits, async |request| {
        handler::handle(&app, &request).await
    })
    .await
}
