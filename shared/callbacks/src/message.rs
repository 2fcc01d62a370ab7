//! The messages of the queue as SQS hands them to a function, and what the function answers.

use serde::{Deserialize, Serialize};
use steps_executions::ExecutionName;

/// SQS's event.
#[derive(Debug, Deserialize)]
pub struct Messages {
    /// The messages of one batch.
    #[serde(rename = "Records")]
    pub messages: Vec<Message>,
}

/// One message: an execution has ended, and its run is to be posted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    message_id: String,
    pub(crate) receipt_handle: String,
    /// The name of the execution.
    body: String,
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
struct Attributes {
    #[serde(rename = "ApproximateReceiveCount")]
    receive_count: String,
}

impl Message {
    /// The body of a message.
    pub(crate) fn body(execution: &ExecutionName<'_>) -> String {
        execution.to_string()
    }

    /// The body of the message for the execution of this name.
    pub fn text(&self) -> &str {
        &self.body
    }

    /// The execution that has ended; `None` where the message is not of this project.
    pub fn execution(&self) -> Option<ExecutionName<'_>> {
        ExecutionName::parse(&self.body)
    }

    /// How many times it has been delivered, with this one.
    pub fn tries(&self) -> u32 {
        self.attributes.receive_count.parse().unwrap_or(1)
    }
}

/// Which messages stay in the queue.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Report {
    /// This message stays in the queue.
    pub fn keep(&mut self, message: Message) {
        self.batch_item_failures.push(Failure {
            item_identifier: message.message_id,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_reads_back_as_it_was_sent_and_can_be_kept() {
        let name = ExecutionName::of_take("01f0c1c8-7d2c-7000-8000-0123456789ab", 2);
        let event = json!({"Records": [{
            "messageId": "m1",
            "receiptHandle": "r1",
            "body": Message::body(&name),
            "attributes": {"ApproximateReceiveCount": "3"},
        }]});
        let mut event: Messages = serde_json::from_value(event).unwrap();
        let message = event.messages.remove(0);
        assert_eq!(message.execution(), Some(name));
        assert_eq!(message.tries(), 3);
        let mut report = Report::default();
        report.keep(message);
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            json!({"batchItemFailures": [{"itemIdentifier": "m1"}]})
        );
    }
}
