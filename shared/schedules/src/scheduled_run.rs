//! What a schedule hands to the function that starts its run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happens when a schedule fires and its last run has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// Both run.
    #[default]
    Allow,
    /// No new run starts.
    Skip,
    /// The new run starts and the last one is stopped.
    Cancel,
}

impl Overlap {
    /// The choice that this word names; `None` where there is none.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "allow" => Some(Self::Allow),
            "skip" => Some(Self::Skip),
            "cancel" => Some(Self::Cancel),
            _ => None,
        }
    }
}

/// The input of a schedule's target. EventBridge Scheduler writes the time and the id of the execution into it when it
/// fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledRun {
    /// The workflow to run.
    pub workflow: String,
    /// The schedule's own name.
    pub schedule: String,
    /// What to do where the last run has not ended.
    #[serde(default)]
    pub overlap: Overlap,
    /// The run's input, an object.
    pub input: Value,
    scheduled_time: Option<String>,
    execution_id: Option<String>,
}

/// What Scheduler's own placeholders begin with.
const PLACEHOLDER: &str = "<aws.scheduler.";

impl ScheduledRun {
    /// The input with Scheduler's placeholders.
    pub fn new(workflow: &str, schedule: &str, overlap: Overlap, input: Value) -> Self {
        Self {
            workflow: workflow.to_owned(),
            schedule: schedule.to_owned(),
            overlap,
            input,
            scheduled_time: Some(format!("{PLACEHOLDER}scheduled-time>")),
            execution_id: Some(format!("{PLACEHOLDER}execution-id>")),
        }
    }

    /// The time for which it fired, RFC 3339. It is the same when it is delivered again. `None` where Scheduler did not fill
    /// in the placeholder.
    pub fn scheduled_time(&self) -> Option<&str> {
        put_in(self.scheduled_time.as_deref())
    }

    /// Scheduler's id of this delivery.
    pub fn execution_id(&self) -> Option<&str> {
        put_in(self.execution_id.as_deref())
    }
}

fn put_in(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty() && !value.starts_with(PLACEHOLDER))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Overlap, ScheduledRun};

    #[test]
    fn what_scheduler_puts_in_is_read_and_a_placeholder_is_not() {
        let target = ScheduledRun::new("post", "nightly", Overlap::Skip, json!({"topic": "x"}));
        let mut event: Value = serde_json::to_value(&target).unwrap();
        assert_eq!(
            event,
            json!({
                "workflow": "post",
                "schedule": "nightly",
                "overlap": "skip",
                "input": {"topic": "x"},
                "scheduledTime": "<aws.scheduler.scheduled-time>",
                "executionId": "<aws.scheduler.execution-id>",
            })
        );
        let verbatim: ScheduledRun = serde_json::from_value(event.clone()).unwrap();
        assert_eq!(
            (verbatim.scheduled_time(), verbatim.execution_id()),
            (None, None)
        );
        event["scheduledTime"] = json!("2026-11-23T09:00:00Z");
        event["executionId"] = json!("d32c5kddcf5bb8c3");
        let fired: ScheduledRun = serde_json::from_value(event).unwrap();
        assert_eq!(fired.scheduled_time(), Some("2026-11-23T09:00:00Z"));
        assert_eq!(fired.execution_id(), Some("d32c5kddcf5bb8c3"));
    }
}
