//! A workflow's schedules end with it.

use aws_sdk_scheduler::error::ProvideErrorMetadata;
use steps_problem::Problem;
use steps_schedules::{own_name, prefix};

/// The schedules of the stack.
#[derive(Debug)]
pub(crate) struct Schedules {
    pub(crate) client: aws_sdk_scheduler::Client,
    pub(crate) group: String,
}

impl Schedules {
    pub(crate) async fn delete_all(&self, workflow: &str) -> Result<(), Problem> {
        let mut cursor = None;
        loop {
            let page = self
                .client
                .list_schedules()
                .group_name(&self.group)
                .name_prefix(prefix(workflow))
                .set_next_token(cursor)
                .send()
                .await;
            let page = page.map_err(|error| unavailable(error.code()))?;
            let names = page.schedules.iter().filter_map(|schedule| schedule.name());
            for name in names.filter(|name| own_name(workflow, name).is_some()) {
                let deleted = self
                    .client
                    .delete_schedule()
                    .group_name(&self.group)
                    .name(name)
                    .send()
                    .await;
                match deleted {
                    Ok(_) => {}
                    Err(error) if error.code() == Some("ResourceNotFoundException") => {}
                    Err(error) => return Err(unavailable(error.code())),
                }
            }
            cursor = page.next_token;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

fn unavailable(code: Option<&str>) -> Problem {
    Problem::new(
        503,
        "SchedulerUnavailable",
        "Scheduler Unavailable",
        format!(
            "EventBridge Scheduler did not delete the workflow's schedules: {}",
            code.unwrap_or("no answer")
        ),
    )
    .solution(["Delete the workflow again: it is gone, and the rest goes with the next try"])
    .retryable(true)
}
