//! Variables of the deployment.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_store::{Var, millis};

/// The body of `PUT /vars/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetVar {
    /// Any JSON of at most 4096 bytes. It is no secret: whoever may read runs may read it.
    pub value: Value,
}

/// A variable of the deployment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VarView {
    /// The name: templates read it as `{{vars.name}}`.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// When it was set.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub changed_at: Timestamp,
}

impl From<Var> for VarView {
    fn from(var: Var) -> Self {
        Self {
            name: var.name,
            value: var.value,
            changed_at: var.changed_at,
        }
    }
}

/// The variables of the deployment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct VarList {
    /// All of them, by name.
    pub vars: Vec<VarView>,
}
