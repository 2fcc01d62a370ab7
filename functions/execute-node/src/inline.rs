//! A node that is written inline in someone's own state machine: no run, no record, the answer in the task's output.

use std::time::Duration;

use serde_json::Value;
use steps_nodes::{Failed, Tried};
use steps_problem::Problem;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::app::App;
use crate::event::InlineNode;
use crate::retry::wait_seconds;
use crate::scope::InlineScope;

/// Step Functions' limit for a state's payload is 256 KiB; the rest of the state machine's data needs room too.
const OUTPUT_LIMIT: usize = 200_000;

/// Tries the node once. A failure that may pass is answered with a WAIT.
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
    let scope = InlineScope::new(app, &node, Instant::now() + remaining);
    let context = Value::Object(context);
    let prepared = node.kind.prepare(&context, &[])?;
    let mut ended = prepared.run(&scope).await;
    if let Err(Failed {
        problem,
        draft: Some(draft),
        ..
    }) = &ended
        && problem.retryable
    {
        // Nothing is recorded of such a node: what is to be corrected is corrected in the same task.
        tracing::info!(code = problem.code, cause = problem.cause, "corrected");
        let mut prepared = node.kind.prepare(&context, &[])?;
        prepared.mend(draft);
        ended = prepared.run(&scope).await;
    }
    let output = match ended {
        Ok(Tried::Done(output)) => output,
        Ok(Tried::Paused(_)) => return Err(needs_run()),
        Err(failed) => {
            let retry = wait_seconds(&failed, attempt, node.retry.max_attempts, Duration::MAX);
            let problem = failed.problem;
            return match retry {
                Some(seconds) => {
                    let code = problem.code;
                    tracing::info!(code, cause = problem.cause, seconds, "waits");
                    Ok(Answer::Wait {
                        seconds,
                        code: Some(code),
                    })
                }
                None => Err(problem),
            };
        }
    };
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

fn needs_run() -> Problem {
    Problem::new(
        422,
        "WaitNeedsRun",
        "Wait Needs Run",
        "the node waits for something, and this node belongs to no run that could go on then",
    )
    .solution([
        "Wait in your own state machine: with a Wait state, or a task that waits for its token",
        "Or make it a node of a workflow",
    ])
}
