//! The event bus, and how it fails.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::Value;
use steps_problem::Problem;
use steps_sdk_error::reason;

/// The source of every event.
pub const SOURCE: &str = "openrouter-steps";

/// An event bus.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    name: String,
    resource: String,
}

impl EventBus {
    /// The bus of this name or ARN. `resource` is the ARN that every event names.
    pub fn new(client: Client, name: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
            resource: resource.into(),
        }
    }

    /// Sends an event. `kind` is its detail-type.
    ///
    /// # Errors
    /// [`Error`] where EventBridge did not take it.
    pub async fn send(&self, kind: &str, detail: &Value) -> Result<(), Error> {
        let event = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(kind)
            .resources(&self.resource)
            .detail(detail.to_string())
            .build();
        let put = self.client.put_events().entries(event).send().await;
        let put = put.map_err(|error| Error(reason(&error)))?;
        if put.failed_entry_count == 0 {
            return Ok(());
        }
        let why = put.entries.unwrap_or_default().into_iter().next();
        let why = why.and_then(|entry| entry.error_code);
        Err(Error(why.unwrap_or_else(|| "it gave no reason".to_owned())))
    }
}

/// EventBridge did not take an event. Carries AWS's reason, or the kind of connection failure.
#[derive(Debug, thiserror::Error)]
#[error("EventBridge did not take the event: {0}")]
pub struct Error(String);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(503, "EventNotSent", "Event Not Sent", error.to_string())
            .solution([
                "Wait: what an ended run asks for is tried again, later and later, until it is done",
                "If it still fails: is there an event bus of the name in the parameter FailureEventBus?",
            ])
            .retryable(true)
    }
}
