//! Step Functions' end-of-execution event: closes the run's record, whatever ended it.

mod handler;

use handler::FinishRun;
use steps_lambda::{Aws, Main, serve_task, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start();
    let finish_run = FinishRun {
        store: Aws::load().await.store()?,
    };
    serve_task(async |task| finish_run.handle(task.event).await).await
}
