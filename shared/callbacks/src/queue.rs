//! The queue of ended executions in SQS, and the one of those that no receiver has taken.

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

    /// Puts this ended execution into the queue. `host` is whom it is posted to: SQS hands out the messages of many hosts
    /// evenly, also where one of them has very many.
    pub async fn send(&self, execution: &ExecutionName<'_>, host: &str) -> Result<(), Error> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(Message::body(execution))
            .message_group_id(group(host))
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

/// A host as the id of a group may be: 128 characters, no others than these.
fn group(host: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_punctuation();
    let host: String = host.chars().filter(|c| fits(*c)).take(128).collect();
    if host.is_empty() {
        "none".to_owned()
    } else {
        host
    }
}

#[cfg(test)]
mod tests {
    use super::group;

    #[test]
    fn any_host_is_a_group() {
        assert_eq!(group("example.com:443"), "example.com:443");
        assert_eq!(group("[::1]:80"), "[::1]:80");
        assert_eq!(group("\u{e4}"), "none");
        assert_eq!(group(&"a".repeat(300)).len(), 128);
    }
}
