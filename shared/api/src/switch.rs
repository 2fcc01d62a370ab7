//! Switches: whether runs may start.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_store::{Switch, millis};

/// The body of `PUT /switch` and `PUT /workflows/{id}/switch`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetSwitch {
    /// Whether runs may start.
    pub enabled: bool,
    /// Why: whoever is refused reads it. Cut after 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A switch. It says whether runs may start; runs that go on are not touched.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwitchView {
    /// Whether runs may start.
    pub enabled: bool,
    /// Why, in the words of who changed it.
    pub reason: Option<String>,
    /// When it was changed; `null` where it never was.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub changed_at: Option<Timestamp>,
}

impl From<Switch> for SwitchView {
    fn from(switch: Switch) -> Self {
        Self {
            enabled: switch.enabled,
            reason: switch.reason,
            changed_at: switch.changed_at,
        }
    }
}
