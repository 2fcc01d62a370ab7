//! The times that have to fit each other: a call ends before its function does, and the function before its task.

use std::time::Duration;

use jiff::Timestamp;

/// Kept back from Lambda's deadline for writing down how the node ended.
pub(crate) const CLOSING_TIME: Duration = Duration::from_secs(15);

/// Kept back from Lambda's deadline for the function's own answer.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(3);

/// How long a node that has ended may be kept for what its attempts cost; less than what is kept back from Lambda's
/// deadline.
pub(crate) const RECOVERY_TIME: Duration = Duration::from_secs(12);

/// Longest time for a node that does not say otherwise.
const NODE_TIMEOUT_SECONDS: u64 = 600;

/// A function that dies frees its node after this long; one that lives renews its lease well before.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// How often the function that works on a node renews its lease.
pub(crate) const LEASE_RENEWED_EVERY: Duration = Duration::from_secs(20);

/// How soon a call notices that its run was cancelled. One small read each time; most calls end before the first.
pub(crate) const NOTICED_WITHIN: Duration = Duration::from_secs(2);

/// The longest that one try of a node may take; `node_seconds` is what the node itself says.
pub(crate) fn longest(node_seconds: Option<u64>) -> Duration {
    Duration::from_secs(node_seconds.unwrap_or(NODE_TIMEOUT_SECONDS))
}

/// The time from `now` until a moment; none where that is past.
pub(crate) fn left(until: Timestamp, now: Timestamp) -> Duration {
    until.duration_since(now).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use steps_workflow::parse_node;

    /// The number behind the first `word` that comes after `from`.
    fn seconds(text: &str, from: &str, word: &str) -> Duration {
        let (_, text) = text.split_once(from).unwrap();
        let (_, text) = text.split_once(word).unwrap();
        let number = text.split_whitespace().next().unwrap();
        Duration::from_secs(number.parse().unwrap())
    }

    #[test]
    fn every_deadline_lies_within_the_next() {
        let template = include_str!("../../../infra/template.yaml");
        let machine = include_str!("../../../infra/run-workflow.asl.yaml");
        let function = seconds(template, "  ExecuteNodeFunction:", "Timeout:");
        // Step Functions hears of the function's end: a lane's task may last as long as its run, and an hour more.
        let task = seconds(machine, "  Step:", "TimeoutSeconds:");
        let run = Duration::from_secs(360 * 24 * 60 * 60);
        assert!(function < task && run < task);

        let longest_call = (function - CLOSING_TIME).as_secs();
        assert!(NODE_TIMEOUT_SECONDS <= longest_call);
        let node = |timeout: u64| {
            parse_node(&json!({
                "type": "openrouter", "variableName": "x", "credential": "main",
                "userPrompt": "hi", "timeoutSeconds": timeout,
            }))
        };
        assert!(node(NODE_TIMEOUT_SECONDS).is_ok());
        assert!(
            node(longest_call + 1).is_err(),
            "no document may ask for more"
        );

        assert!(RECOVERY_TIME + LAST_WORDS <= CLOSING_TIME);
    }

    #[test]
    fn a_lease_outlives_a_renewal_that_fails() {
        assert!(LEASE_RENEWED_EVERY * 2 < LEASE);
        assert!(NOTICED_WITHIN < LEASE_RENEWED_EVERY);
    }
}
