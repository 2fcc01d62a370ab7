//! The queue of ended executions in SQS.

use aws_sdk_sqs::Client;
use steps_executions::ExecutionName;
use steps_sdk_error::reason;

use crate::{Error, Message};

/// The queue of ended executions whose runs are to be posted.
#[derive(Debug)]
pub struct CallbackQueue {
    client: Client,
    url: String,
}

impl CallbackQueue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    /// Puts this ended execution into the queue.
    pub async fn send(&self, execution: &ExecutionName<'_>) -> Result<(), Error> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(Message::body(execution))
            .send()
            .await
            .map_err(|error| Error::NotQueued(reason(&error)))?;
        Ok(())
    }

    /// Hides a message for so many seconds; it stays in the queue.
    pub async fn hide(&self, message: &Message, seconds: i32) -> Result<(), Error> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&message.receipt_handle)
            .visibility_timeout(seconds)
            .send()
            .await
            .map_err(|error| Error::NotHidden(reason(&error)))?;
        Ok(())
    }
}
