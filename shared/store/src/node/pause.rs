//! How a unit has paused, as its record keeps it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::millis;

/// How a unit has paused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// When it paused first.
    #[serde(with = "millis")]
    pub since: Timestamp,
    /// When it is to be tried again at the latest, whatever its run's deadline is.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    pub until: Option<Timestamp>,
    /// The name of the message that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<String>,
    /// What is shown to those who may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Value>,
}

impl Pause {
    /// A pause that ends by itself.
    pub(super) fn until(until: Timestamp) -> Self {
        Self {
            since: Timestamp::now(),
            until: Some(until),
            awaits: None,
            shown: None,
        }
    }
}
