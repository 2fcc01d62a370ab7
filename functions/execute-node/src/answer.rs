//! What execute-node answers.

use serde::Serialize;
use serde_json::Value;

/// The task's output.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Answer {
    /// The task's token is answered, or noted: the lane goes on by it.
    Told,
    /// What was due has been asked for: so many costs are recorded now.
    Recovered { costs: usize },
    /// What is left of so many keys is in the metrics.
    Watched { keys: usize },
    /// The node has its answer. `output` only for an inline node: a run's answers go through the table.
    Succeeded {
        #[serde(skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
    },
    /// Call again after so many seconds.
    Wait {
        seconds: u64,
        /// The code of what is waited out, for whoever looks at the execution.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
}

impl Answer {
    /// For a node in another function's hands.
    pub(crate) fn look_again(seconds: u64) -> Self {
        Self::Wait {
            seconds,
            code: None,
        }
    }
}
