//! A batch of the queue. A message that is not done goes back to the queue for a while.

use steps_callbacks::{Messages, Report};
use steps_problem::Problem;

use crate::app::App;
use crate::deliver::{Next, deliver};
use crate::pause::after_tries;

/// Posts every run of the batch. The answer names the messages that are not done, so that SQS hands out only these again.
pub(crate) async fn handle(app: &App, event: Messages) -> Result<Report, Problem> {
    let mut report = Report::default();
    for message in event.messages {
        let (run, came) = (message.text(), message.tries());
        let seconds = match deliver(app, &message).await {
            Ok(Next::Done) => {
                tracing::info!(run, came, "done");
                continue;
            }
            Ok(Next::Again(seconds)) => {
                tracing::info!(run, came, seconds, "comes again");
                seconds
            }
            Err(problem) => {
                let cause = problem.redacted().cause;
                tracing::warn!(run, came, cause, "not tried");
                after_tries(came)
            }
        };
        if let Err(error) = app.queue.hide(&message, seconds).await {
            // The message comes back after the queue's own time.
            tracing::warn!(%error, "the pause could not be set");
        }
        report.keep(message);
    }
    Ok(report)
}
