//! From a node and its context to the request that OpenRouter gets.

use serde_json::Value;
use steps_openrouter::{ChatRequest, DEFAULT_MAX_TOKENS};
use steps_problem::Problem;

use super::document::Chat;

/// The request of a node: its prompts rendered with `context`. `known` are the workflow's variables: the error of a
/// missing variable names them.
pub(super) fn chat_request(
    node: &Chat,
    context: &Value,
    known: &[&str],
) -> Result<ChatRequest, Problem> {
    let system = node.system_prompt.render(context, known)?;
    let user = node.user_prompt.render(context, known)?;
    Ok(ChatRequest::new(&node.model)
        .models(&node.models)
        .system(system)
        .user(user)
        .max_tokens(node.options.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS))
        .options(node.options.wire()))
}

/// How long the prompts are, as they are sent.
pub(super) fn prompt_bytes(request: &ChatRequest) -> usize {
    serde_json::to_string(&request.messages).map_or(0, |messages| messages.len())
}
