//! A node that is written inline in someone's own state machine: no run, no record, the answer in the task's output.

use std::time::Duration;

use serde_json::Value;
use steps_openrouter::Completion;
use steps_problem::Problem;
use steps_store::Credential;
use steps_workflow::Kind;

use crate::answer::Answer;
use crate::app::App;
use crate::call::{CallError, call};
use crate::deadlines::timeouts;
use crate::event::InlineNode;
use crate::node_variable::node_variable;
use crate::request::{asks_for_json, chat_request};
use crate::retry::wait_seconds;

/// Step Functions' limit for a state's payload is 256 KiB; the rest of the state machine's data needs room too.
const OUTPUT_LIMIT: usize = 200_000;

/// Calls the node's model once. A failure that may pass is answered with a WAIT.
pub(crate) async fn execute(
    app: &App,
    inline: InlineNode,
    remaining: Duration,
) -> Result<Answer, Problem> {
    let InlineNode {
        node,
        context,
        attempt,
    } = inline;
    let node = steps_workflow::parse_node(&node).map_err(|faults| {
        Problem::new(
            422,
            "InvalidNode",
            "Invalid Node",
            "the node in the task's input cannot be understood",
        )
        .solution(["Correct what `faults` names in the state machine's definition"])
        .faults(faults)
    })?;
    let Kind::OpenRouter(openrouter) = &node.kind;
    let request = chat_request(openrouter, &Value::Object(context), &[])?;
    let credential = credential_id(app, &openrouter.credential).await?;
    let limits = timeouts(node.timeout_seconds, remaining);
    let answered: Result<Completion, CallError> =
        match call(app, &credential, &request, &limits).await {
            Ok(call) => call.finish().await.map_err(Into::into),
            Err(error) => Err(error),
        };
    let completion = match answered {
        Ok(completion) => completion,
        Err(error) => {
            let retry = wait_seconds(&error, attempt, node.retry.max_attempts, Duration::MAX);
            return match retry {
                Some(seconds) => {
                    let code = error.problem.code;
                    tracing::info!(code, cause = error.problem.cause, seconds, "waits");
                    Ok(Answer::Wait {
                        seconds,
                        code: Some(code),
                    })
                }
                None => Err(error.problem),
            };
        }
    };
    let output = node_variable(&completion, asks_for_json(openrouter));
    if output.to_string().len() > OUTPUT_LIMIT {
        return Err(Problem::new(
            413,
            "OutputTooLarge",
            "Output Too Large",
            "the answer does not fit into a state's payload (256 KiB)",
        )
        .solution([
            "Lower the node's `maxTokens`",
            "Or make it a node of a workflow: a workflow's answers go through the table",
        ]));
    }
    Ok(Answer::Succeeded {
        output: Some(output),
    })
}

async fn credential_id(app: &App, reference: &str) -> Result<String, Problem> {
    let known = app.store.credentials().list().await?;
    Ok(Credential::find(&known, reference)?.id.clone())
}
