//! From a node and its context to the request that OpenRouter gets.

use serde_json::Value;
use steps_openrouter::{ChatRequest, DEFAULT_MAX_TOKENS, Options};
use steps_problem::Problem;
use steps_workflow::OpenRouterNode;

/// The request of a node: its prompts rendered with `context`. `known` are the workflow's variables, for the
/// words of a missing one.
pub(crate) fn chat_request(
    node: &OpenRouterNode,
    context: &Value,
    known: &[&str],
) -> Result<ChatRequest, Problem> {
    let system = node.system_prompt.render(context, known)?;
    let user = node.user_prompt.render(context, known)?;
    let object =
        |fields: &Option<serde_json::Map<String, Value>>| fields.clone().map(Value::Object);
    let options = Options {
        temperature: node.temperature,
        top_p: node.top_p,
        top_k: node.top_k,
        min_p: node.min_p,
        top_a: node.top_a,
        frequency_penalty: node.frequency_penalty,
        presence_penalty: node.presence_penalty,
        repetition_penalty: node.repetition_penalty,
        seed: node.seed,
        stop: node.stop.clone(),
        response_format: object(&node.response_format),
        reasoning: object(&node.reasoning),
        provider: object(&node.provider),
        plugins: (!node.plugins.is_empty())
            .then(|| node.plugins.iter().cloned().map(Value::Object).collect()),
        transforms: node.transforms.clone(),
        verbosity: node.verbosity.clone(),
        service_tier: node.service_tier.clone(),
        user: node.user.clone(),
        session_id: node.session_id.clone(),
        metadata: node.metadata.clone(),
    };
    Ok(ChatRequest::new(&node.model)
        .models(&node.models)
        .system(system)
        .user(user)
        .max_tokens(node.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS))
        .options(options))
}

/// Whether the answer's text is to be JSON.
pub(crate) fn asks_for_json(node: &OpenRouterNode) -> bool {
    node.response_format
        .as_ref()
        .and_then(|format| format.get("type"))
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.starts_with("json"))
}

/// How long the prompts are, as they are sent.
pub(crate) fn prompt_bytes(request: &ChatRequest) -> usize {
    serde_json::to_string(&request.messages).map_or(0, |messages| messages.len())
}
