//! `GET /openapi.json`: the API's description in OpenAPI 3.1.

use std::sync::LazyLock;

use serde_json::Value;
use steps_lambda::Answer;
use steps_problem::Problem;

/// Made on the first request.
static DOCUMENT: LazyLock<Value> = LazyLock::new(steps_api::openapi);

/// The document.
pub(crate) fn document() -> Result<Answer, Problem> {
    Answer::json(200, &*DOCUMENT)
}
