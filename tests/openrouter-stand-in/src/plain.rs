//! Answers that are not streamed, and how faults change them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::faults::{Fault, FaultCall};
use crate::playback::{Frame, Step, pace};
use crate::refusal::USER_ID;

const PIECES: usize = 8;

/// The fields that every answer and every chunk of one generation have.
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) model: String,
    pub(crate) provider: &'static str,
    pub(crate) service_tier: Option<String>,
    /// How the request was led here, where it asked.
    pub(crate) routing: Option<Value>,
}

/// The body of an answer that is not streamed, changed by a fault.
pub(crate) fn body(head: &Head, answer: &Answer, fault: Option<Fault>) -> Vec<u8> {
    match fault {
        Some(Fault::EmptyBody) => Vec::new(),
        Some(Fault::ErrorIn200) => root_error(head, 502.into()).to_string().into_bytes(),
        Some(Fault::ErrorCodeWord) => root_error(head, "server_error".into())
            .to_string()
            .into_bytes(),
        Some(Fault::TruncatedJson) => {
            let mut bytes = completion(head, answer, fault).to_string().into_bytes();
            bytes.truncate(bytes.len() / 2);
            bytes
        }
        Some(Fault::Comments) => {
            let body = completion(head, answer, fault);
            format!(": OPENROUTER PROCESSING\n\n\n   \n{body}").into_bytes()
        }
        _ => completion(head, answer, fault).to_string().into_bytes(),
    }
}

/// The steps in which a fault sends a body; `None` where the body is sent at once.
pub(crate) fn steps(body: &[u8], call: Option<&FaultCall>) -> Option<Vec<Step>> {
    let call = call?;
    let shown = match call.fault {
        Fault::SlowBody | Fault::Stall | Fault::Utf8Split => body,
        Fault::StreamCut => body.get(..body.len() / 2)?,
        _ => return None,
    };
    let frames = shown
        .chunks(shown.len().div_ceil(PIECES).max(1))
        .map(|piece| Frame {
            bytes: Bytes::copy_from_slice(piece),
            tokens: None,
        })
        .collect();
    Some(pace(frames, Some(call)))
}

fn root_error(head: &Head, code: Value) -> Value {
    json!({
        "error": {
            "code": code, "message": "Provider returned error",
            "metadata": {"provider_name": head.provider, "raw": "upstream connection reset"},
        },
        "user_id": USER_ID,
    })
}

fn completion(head: &Head, answer: &Answer, fault: Option<Fault>) -> Value {
    let mut choice = json!({
        "index": 0, "finish_reason": answer.finish, "native_finish_reason": answer.native,
        "logprobs": null,
        "message": {
            "role": "assistant", "content": answer.content, "refusal": answer.refusal,
            "reasoning": answer.reasoning,
        },
    });
    if let Some(fields) = choice.as_object_mut()
        && fault == Some(Fault::ChoiceError)
    {
        let error = json!({"code": 502, "message": "Provider disconnected"});
        fields.insert("error".into(), error);
    }
    if let (Some(calls), Some(message)) = (&answer.tool_calls, choice.pointer_mut("/message"))
        && let Some(fields) = message.as_object_mut()
    {
        fields.insert("tool_calls".into(), calls.clone());
    }
    if let Some(fields) = choice
        .pointer_mut("/message")
        .and_then(Value::as_object_mut)
    {
        if let Some(images) = &answer.images {
            fields.insert("images".into(), images.clone());
        }
        if let Some(audio) = &answer.audio {
            fields.insert("audio".into(), audio.clone());
        }
        if !answer.annotations.is_empty() {
            fields.insert("annotations".into(), json!(answer.annotations));
        }
    }
    let mut body = json!({
        "id": head.id, "object": "chat.completion", "created": head.created,
        "model": head.model, "provider": head.provider,
        "system_fingerprint": null, "service_tier": head.service_tier,
        "choices": [choice],
    });
    if let Some(fields) = body.as_object_mut()
        && !matches!(fault, Some(Fault::NoUsage | Fault::Unfinished))
    {
        fields.insert("usage".into(), answer.usage_json());
        if let Some(routing) = &head.routing {
            fields.insert("openrouter_metadata".into(), routing.clone());
        }
    }
    body
}
