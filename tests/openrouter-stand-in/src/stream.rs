//! The server-sent events of a streamed answer, and how faults change them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::count::tokens;
use crate::faults::{Fault, FaultCall};
use crate::plain::Head;
use crate::playback::{Frame, Step, as_one_reads, pace};

const DELTAS: usize = 14;
/// Characters of a piece of an answer in sentences.
const PROSE_PIECE: usize = 24;
/// What a provider calls the configuration that answered.
const FINGERPRINT: &str = "fp_stand_in";
const COMMENT: &str = ": OPENROUTER PROCESSING";

/// One event: its data, and the completion tokens sent with it.
struct Event {
    data: String,
    tokens: Option<u64>,
}

impl Event {
    fn of(data: &Value) -> Self {
        Self {
            data: data.to_string(),
            tokens: None,
        }
    }
}

/// The events of a streamed answer, changed by a fault.
pub(crate) fn plan(
    head: &Head,
    answer: &Answer,
    call: Option<&FaultCall>,
    in_prose: bool,
) -> Vec<Step> {
    let fault = call.map(|call| call.fault);
    if fault == Some(Fault::EmptyBody) {
        return Vec::new();
    }
    let size = in_prose.then_some(PROSE_PIECE);
    let events = events(head, answer, fault, size);
    let broken_off = fault == Some(Fault::TruncatedJson);
    let end = if fault == Some(Fault::Crlf) {
        "\r\n"
    } else {
        "\n"
    };
    let last = events.len().saturating_sub(1);
    let mut frames = Vec::new();
    for (place, event) in events.into_iter().enumerate() {
        if fault == Some(Fault::Comments) {
            frames.push(frame(format!("{COMMENT}{end}{end}"), None));
        }
        let text = if broken_off && place == last {
            let half = event.data.chars().count() / 2;
            let data: String = event.data.chars().take(half).collect();
            format!("data: {data}")
        } else {
            format!("data: {}{end}{end}", event.data)
        };
        frames.push(frame(text, event.tokens));
    }
    if in_prose && call.is_none() {
        return as_one_reads(frames);
    }
    pace(frames, call)
}

fn frame(text: String, tokens: Option<u64>) -> Frame {
    Frame {
        bytes: Bytes::from(text),
        tokens,
    }
}

fn events(head: &Head, answer: &Answer, fault: Option<Fault>, size: Option<usize>) -> Vec<Event> {
    let mut events = match fault {
        Some(Fault::HalfCharacters) => halves(head, answer),
        _ => deltas(head, answer, size),
    };
    let half = events.len().div_ceil(2);
    let done = Event {
        data: "[DONE]".to_owned(),
        tokens: None,
    };
    if fault == Some(Fault::GarbledEvent) {
        let garbled = Event {
            data: r#"{"choices":[{"delta":"#.to_owned(),
            tokens: None,
        };
        events.insert(half, garbled);
    }
    match fault {
        Some(Fault::StreamErrorFirst) => {
            events.clear();
            events.extend([error(head, 502.into()), done]);
        }
        Some(Fault::StreamErrorMid) => {
            events.truncate(half);
            events.extend([error(head, 502.into()), done]);
        }
        Some(Fault::StreamErrorMidNoDone) => {
            events.truncate(half);
            events.push(error(head, 502.into()));
        }
        Some(Fault::ErrorCodeWord) => {
            events.truncate(half);
            events.extend([error(head, "server_error".into()), done]);
        }
        Some(Fault::StreamCut | Fault::TruncatedJson) => events.truncate(half),
        Some(Fault::ChoiceError) => {
            let mut chunk = chunk(
                head,
                json!({"role": "assistant", "content": ""}),
                answer,
                true,
            );
            if let Some(choice) = chunk
                .pointer_mut("/choices/0")
                .and_then(Value::as_object_mut)
            {
                let error = json!({"code": 502, "message": "Provider disconnected"});
                choice.insert("error".into(), error);
            }
            events.extend([Event::of(&chunk), done]);
        }
        _ => {
            events.push(finish(head, answer));
            events.extend(usage(head, answer, fault));
            if fault != Some(Fault::StreamNoDone) {
                events.push(done);
            }
        }
    }
    events
}

/// The text in about 14 pieces, or in pieces of so many characters. The reasoning comes before it; a refusal or tool calls come in its place.
fn deltas(head: &Head, answer: &Answer, size: Option<usize>) -> Vec<Event> {
    let mut events = Vec::new();
    let reasoning_tokens = answer.usage.reasoning_tokens;
    if let Some(reasoning) = &answer.reasoning {
        let delta = json!({"role": "assistant", "content": "", "reasoning": reasoning});
        events.push(Event {
            tokens: Some(reasoning_tokens),
            ..Event::of(&chunk(head, delta, answer, false))
        });
    }
    if let Some(refusal) = &answer.refusal {
        let delta = json!({"role": "assistant", "content": null, "refusal": refusal});
        events.push(Event::of(&chunk(head, delta, answer, false)));
    }
    for call in answer
        .tool_calls
        .iter()
        .filter_map(Value::as_array)
        .flatten()
    {
        events.extend(tool_deltas(head, answer, call));
    }
    for (name, value) in [("images", &answer.images), ("audio", &answer.audio)] {
        if let Some(value) = value {
            let mut delta = json!({"role": "assistant", "content": ""});
            if let Some(fields) = delta.as_object_mut() {
                fields.insert(name.to_owned(), value.clone());
            }
            events.push(Event::of(&chunk(head, delta, answer, false)));
        }
    }
    if !answer.annotations.is_empty() {
        let delta = json!({"role": "assistant", "content": "", "annotations": answer.annotations});
        events.push(Event::of(&chunk(head, delta, answer, false)));
    }
    let text: Vec<char> = answer
        .content
        .as_deref()
        .unwrap_or_default()
        .chars()
        .collect();
    let mut sent = 0;
    let size = size.unwrap_or(text.len().div_ceil(DELTAS).max(1));
    for piece in text.chunks(size) {
        sent += piece.len();
        let piece: String = piece.iter().collect();
        let delta = json!({"role": "assistant", "content": piece});
        events.push(Event {
            tokens: Some(reasoning_tokens + tokens(sent)),
            ..Event::of(&chunk(head, delta, answer, false))
        });
    }
    events
}

/// The text cut as by software that counts in UTF-16: one unit in each event, so a character past U+FFFF comes in two
/// halves.
fn halves(head: &Head, answer: &Answer) -> Vec<Event> {
    let text = answer.content.as_deref().unwrap_or_default();
    text.encode_utf16()
        .enumerate()
        .map(|(place, unit)| {
            let delta = json!({"role": "assistant", "content": "?"});
            let event = chunk(head, delta, answer, false).to_string();
            Event {
                data: event.replace("\"?\"", &format!("\"\\u{unit:04x}\"")),
                tokens: Some(tokens(place + 1).min(answer.usage.completion_tokens)),
            }
        })
        .collect()
}

/// A tool call: the name first, then the arguments in two pieces.
fn tool_deltas(head: &Head, answer: &Answer, call: &Value) -> Vec<Event> {
    let name = call.pointer("/function/name");
    let arguments: Vec<char> = call
        .pointer("/function/arguments")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .chars()
        .collect();
    let opening = json!({
        "index": 0, "id": call.get("id"), "type": "function",
        "function": {"name": name, "arguments": ""},
    });
    let fragments = arguments
        .chunks(arguments.len().div_ceil(2).max(1))
        .map(|piece| {
            let piece: String = piece.iter().collect();
            json!({"index": 0, "type": "function", "function": {"arguments": piece}})
        });
    std::iter::once(opening)
        .chain(fragments)
        .map(|call| {
            let delta = json!({"role": "assistant", "content": null, "tool_calls": [call]});
            Event::of(&chunk(head, delta, answer, false))
        })
        .collect()
}

fn chunk(head: &Head, delta: Value, answer: &Answer, finished: bool) -> Value {
    let (finish, native) = if finished {
        (answer.finish, Some(answer.native))
    } else {
        (None, None)
    };
    json!({
        "id": head.id, "object": "chat.completion.chunk", "created": head.created,
        "model": head.model, "provider": head.provider, "service_tier": head.service_tier,
        "system_fingerprint": FINGERPRINT,
        "choices": [{
            "index": 0, "delta": delta, "finish_reason": finish,
            "native_finish_reason": native, "logprobs": null,
        }],
    })
}

fn finish(head: &Head, answer: &Answer) -> Event {
    let delta = json!({"role": "assistant", "content": ""});
    Event::of(&chunk(head, delta, answer, true))
}

/// The usage chunk in one of its three shapes.
fn usage(head: &Head, answer: &Answer, fault: Option<Fault>) -> Option<Event> {
    let delta = json!({"role": "assistant", "content": ""});
    let mut chunk = chunk(head, delta, answer, fault != Some(Fault::UsageOldShape));
    let fields = chunk.as_object_mut()?;
    match fault {
        Some(Fault::NoUsage | Fault::Unfinished) => return None,
        Some(Fault::UsageChoicesEmpty) => {
            fields.insert("choices".into(), json!([]));
        }
        _ => {}
    }
    fields.insert("usage".into(), answer.usage_json());
    if let Some(routing) = &head.routing {
        fields.insert("openrouter_metadata".into(), routing.clone());
    }
    Some(Event {
        tokens: Some(answer.usage.completion_tokens),
        ..Event::of(&chunk)
    })
}

fn error(head: &Head, code: Value) -> Event {
    Event::of(&json!({
        "id": head.id, "object": "chat.completion.chunk", "created": head.created,
        "model": head.model, "provider": head.provider,
        "error": {
            "code": code, "message": "Network connection lost.",
            "metadata": {"error_type": "provider_unavailable"},
        },
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    }))
}
