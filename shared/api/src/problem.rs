//! What is answered in place of a function: API Gateway's own words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// API Gateway's own answer, where no function was asked or none answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayRefusal {
    /// Such as `Unauthorized`, `Forbidden` or `Too Many Requests`. AWS may change its words.
    pub message: String,
}
