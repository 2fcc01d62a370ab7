//! A failure as the HTTP API answers it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Problem;

/// A failure as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemAnswer {
    /// The path of the page that explains the code, such as `/errors/RunNotFound`.
    #[serde(rename = "type")]
    pub page: String,
    /// The failure.
    #[serde(flatten)]
    pub problem: Problem,
    /// The same as `cause`, under the name that RFC 9457 gives it.
    pub detail: String,
    /// The id of the request, as the header `x-request-id` and the logs have it.
    pub request_id: String,
}

impl ProblemAnswer {
    /// The answer to the request of this id.
    #[must_use]
    pub fn new(problem: &Problem, request_id: &str) -> Self {
        Self {
            page: format!("/errors/{}", problem.code),
            problem: problem.clone(),
            detail: problem.cause.clone(),
            request_id: request_id.to_owned(),
        }
    }
}
