//! From a node and its context to the request that OpenRouter gets.

use serde_json::Value;
use steps_openrouter::{ChatRequest, Content, DEFAULT_MAX_TOKENS, Message, Part};
use steps_problem::Problem;
use steps_template::{RenderError, Template};

use super::document::Chat;
use super::media::is_place;

/// The request of a node: its prompts rendered with `context`. `known` are the workflow's variables: the error of a
/// missing variable names them.
pub(super) fn chat_request(
    node: &Chat,
    context: &Value,
    known: &[&str],
) -> Result<ChatRequest, Problem> {
    let mut messages = match &node.continued {
        Some(continued) => conversation(&continued.template().render(context, known)?)?,
        None => Vec::new(),
    };
    messages.extend(said(node, &|template| template.render(context, known))?);
    if messages.is_empty() {
        return Err(Problem::new(
            422,
            "InvalidNode",
            "Invalid Node",
            "there is no message left to send: the prompts are empty",
        )
        .solution(["Let a message of the role `user` have a text"]));
    }
    Ok(with_messages(node, messages))
}

/// The request with its prompts as they are written: the tags stand in place of what they will insert.
pub(super) fn as_written(node: &Chat) -> ChatRequest {
    // What is written wrong is told by other checks.
    let messages = said(node, &|template| Ok(template.as_str().to_owned()));
    with_messages(node, messages.unwrap_or_default())
}

fn said(
    node: &Chat,
    show: &impl Fn(&Template) -> Result<String, RenderError>,
) -> Result<Vec<Message>, Problem> {
    let mut messages = Vec::new();
    for turn in node.turns() {
        messages.extend(turn.message(show)?);
    }
    Ok(messages)
}

/// The conversation of an earlier node, as its output has it.
fn conversation(text: &str) -> Result<Vec<Message>, Problem> {
    serde_json::from_str(text).map_err(|error| {
        Problem::new(
            422,
            "ConversationMissing",
            "Conversation Missing",
            format!("the output of the node that is continued has no conversation: {error}"),
        )
        .solution([
            "Continue a node of type `openrouter` that has succeeded",
            "Start a new run: where the earlier answers come from another run, they have none",
        ])
    })
}

fn with_messages(node: &Chat, messages: Vec<Message>) -> ChatRequest {
    let mut request = ChatRequest::new(&node.model)
        .models(&node.models)
        .max_tokens(node.options.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS))
        .options(node.options.wire());
    request.messages = messages;
    request.tell_routing = node.show_routing;
    request
}

/// How long the prompts are, as they are sent. Images and the like are not counted: a model counts them otherwise.
pub(super) fn prompt_bytes(request: &ChatRequest) -> usize {
    let mut messages = request.messages.clone();
    let parts = messages
        .iter_mut()
        .filter_map(|message| match &mut message.content {
            Content::Parts(parts) => Some(parts),
            Content::Text(_) => None,
        });
    for part in parts.flatten() {
        let held = match part {
            Part::Text { .. } => continue,
            Part::ImageUrl { image_url: media } | Part::VideoUrl { video_url: media } => {
                &mut media.url
            }
            Part::File { file } => &mut file.file_data,
            Part::InputAudio { input_audio } => &mut input_audio.data,
        };
        if is_place(held) {
            held.clear();
        }
    }
    serde_json::to_string(&messages).map_or(0, |messages| messages.len())
}
