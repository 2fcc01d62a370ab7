//! What the kinds have that wait for a message: a time limit that is longer than that of a try, and the look at both.

use jiff::{SignedDuration, Timestamp};
use schemars::Schema;
use serde_json::{Value, json};
use steps_problem::Problem;

use crate::scope::Scope;

/// The longest wait, seconds: 360 days.
pub(crate) const LONGEST: u64 = 31_104_000;

/// Lets `timeoutSeconds` say how long the node waits, and not how long a try takes.
pub(crate) fn waits_long(schema: &mut Schema) {
    let field = json!({
        "description": "How long it waits, 1 to 31 104 000 seconds (360 days); as long as the run when left out.",
        "type": "integer", "minimum": 1, "maximum": LONGEST,
    });
    let fields = schema
        .ensure_object()
        .entry("properties")
        .or_insert_with(|| json!({}));
    if let Value::Object(fields) = fields {
        fields.insert("timeoutSeconds".to_owned(), field);
    }
}

/// The message by which a unit of a run is told something that it waits for since this take of its run.
pub fn own_message(unit: &str, take: u32) -> String {
    format!("unit/{unit}/{take}")
}

/// Where a node stands that waits for a message.
pub(crate) enum Stands {
    /// The message has come.
    Told(Value),
    /// It has not come in time.
    Late,
    /// It may still come, until this time at the latest.
    Waits(Option<Timestamp>),
}

/// Looks for the message of this name, and then at the node's time limit.
pub(crate) async fn look(scope: &impl Scope, name: &str) -> Result<Stands, Problem> {
    if let Some(message) = scope.message(name).await? {
        return Ok(Stands::Told(message));
    }
    let now = Timestamp::now();
    let before = scope.paused();
    let since = before.map_or(now, |paused| paused.since);
    let limit = scope.timeout_seconds().map(|seconds| {
        let limit = SignedDuration::from_secs(seconds.min(LONGEST).cast_signed());
        since.saturating_add(limit).unwrap_or(Timestamp::MAX)
    });
    // It is what it was when the wait began.
    let until = before.map_or(limit, |paused| paused.until);
    Ok(match until {
        Some(until) if until <= now => Stands::Late,
        until => Stands::Waits(until),
    })
}
