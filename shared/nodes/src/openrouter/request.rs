//! From a node and its context to the request that OpenRouter gets.

use serde_json::Value;
use steps_openrouter::{ChatRequest, DEFAULT_MAX_TOKENS};
use steps_problem::Problem;
use steps_template::Template;

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
    Ok(with_prompts(node, system, user))
}

/// The request with its prompts as they are written: the tags stand in place of what they will insert.
pub(super) fn as_written(node: &Chat) -> ChatRequest {
    let text = |template: &Template| template.as_str().to_owned();
    with_prompts(node, text(&node.system_prompt), text(&node.user_prompt))
}

fn with_prompts(node: &Chat, system: String, user: String) -> ChatRequest {
    ChatRequest::new(&node.model)
        .models(&node.models)
        .system(system)
        .user(user)
        .max_tokens(node.options.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS))
        .options(node.options.wire())
}

/// How long the prompts are, as they are sent.
pub(super) fn prompt_bytes(request: &ChatRequest) -> usize {
    serde_json::to_string(&request.messages).map_or(0, |messages| messages.len())
}
