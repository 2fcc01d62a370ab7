//! A batch of the queue. A post that fails goes back to the queue, and each pause is longer; after the queue's last try
//! it is kept as a dead letter.

use steps_callbacks::{Messages, Report};
use steps_problem::Problem;

use crate::app::App;
use crate::deliver::deliver;

/// The first pause, and how it grows: 5 s, 15 s, 45 s, 2, 7, 20 minutes, an hour.
const FIRST_PAUSE_SECONDS: i32 = 5;

const GROWTH: i32 = 3;

const LONGEST_PAUSE_SECONDS: i32 = 3600;

/// Posts every run of the batch. The answer names the posts that failed, so that SQS delivers only these again.
pub(crate) async fn handle(app: &App, event: Messages) -> Result<Report, Problem> {
    let mut report = Report::default();
    for message in event.messages {
        let (run, tries) = (message.text(), message.tries());
        match deliver(app, &message).await {
            Ok(()) => tracing::info!(run, tries, "callback delivered"),
            Err(problem) => {
                let cause = problem.redacted().cause;
                tracing::warn!(run, tries, cause, "callback not delivered");
                if let Err(error) = app.queue.hide(&message, pause(tries)).await {
                    // The message comes back after the queue's own time.
                    tracing::warn!(%error, "the pause could not be set");
                }
                report.keep(message);
            }
        }
    }
    Ok(report)
}

fn pause(tries: u32) -> i32 {
    GROWTH
        .saturating_pow(tries.saturating_sub(1))
        .saturating_mul(FIRST_PAUSE_SECONDS)
        .min(LONGEST_PAUSE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<i32> = (1..=8).map(pause).collect();
        assert_eq!(pauses, [5, 15, 45, 135, 405, 1215, 3600, 3600]);
        assert_eq!(pause(u32::MAX), 3600);
    }
}
