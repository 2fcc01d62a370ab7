//! An answer, put together from the chunks of a stream or from one plain body. Both have the same fields, but a chunk
//! has `delta` where the plain body has `message`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use steps_usage::Usage;

use crate::classify::{self, Origin};
use crate::completion::{Audio, Completion};
use crate::error::{Error, Failure, UpstreamError};
use crate::halves::{join, join_all};
use crate::{lenient, money, text};

/// One chunk, or a whole plain answer. OpenRouter sends more fields than these, and some of these only sometimes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chunk {
    #[serde(deserialize_with = "lenient::string")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    model: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    provider: Option<String>,
    /// The usage chunk comes in three shapes; in one of them this list is empty.
    #[serde(deserialize_with = "lenient::or_default")]
    choices: Vec<Choice>,
    usage: Option<WireUsage>,
    /// The tier that serves the answer; another tier may have been asked for.
    #[serde(deserialize_with = "lenient::string")]
    service_tier: Option<String>,
    openrouter_metadata: Option<Value>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    #[serde(deserialize_with = "lenient::count_or_zero")]
    index: u64,
    delta: Option<Message>,
    message: Option<Message>,
    #[serde(deserialize_with = "lenient::string")]
    finish_reason: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    native_finish_reason: Option<String>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    /// A string, null, or a list of parts.
    content: Option<Value>,
    #[serde(deserialize_with = "lenient::text")]
    reasoning: String,
    #[serde(deserialize_with = "lenient::text")]
    reasoning_content: String,
    #[serde(deserialize_with = "lenient::values")]
    reasoning_details: Vec<Value>,
    #[serde(deserialize_with = "lenient::text")]
    refusal: String,
    #[serde(deserialize_with = "lenient::values")]
    annotations: Vec<Value>,
    #[serde(deserialize_with = "lenient::values")]
    tool_calls: Vec<Value>,
    #[serde(deserialize_with = "lenient::values")]
    images: Vec<Value>,
    #[serde(deserialize_with = "lenient::or_missing")]
    audio: WireAudio,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireAudio {
    #[serde(deserialize_with = "lenient::text")]
    data: String,
    #[serde(deserialize_with = "lenient::text")]
    transcript: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    #[serde(deserialize_with = "lenient::count_or_zero")]
    prompt_tokens: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    completion_tokens: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    total_tokens: u64,
    #[serde(deserialize_with = "money::option")]
    cost: Option<Decimal>,
    #[serde(deserialize_with = "lenient::flag")]
    is_byok: bool,
    #[serde(deserialize_with = "lenient::or_missing")]
    prompt_tokens_details: Details,
    #[serde(deserialize_with = "lenient::or_missing")]
    completion_tokens_details: Details,
    #[serde(deserialize_with = "lenient::or_missing")]
    cost_details: CostDetails,
    #[serde(deserialize_with = "lenient::or_missing")]
    server_tool_use_details: ServerToolUse,
}

/// Details of the sent tokens, or of the generated ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    #[serde(deserialize_with = "lenient::count_or_zero")]
    cached_tokens: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    cache_write_tokens: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    audio_tokens: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    video_tokens: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    reasoning_tokens: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CostDetails {
    #[serde(deserialize_with = "money::option")]
    server_tool_cost: Option<Decimal>,
    #[serde(deserialize_with = "money::option")]
    upstream_inference_cost: Option<Decimal>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServerToolUse {
    #[serde(deserialize_with = "lenient::count_or_zero")]
    web_search_requests: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    tool_calls_requested: u64,
    #[serde(deserialize_with = "lenient::count_or_zero")]
    tool_calls_executed: u64,
}

#[derive(Debug, Default)]
struct ToolCall {
    index: Option<u64>,
    id: Option<String>,
    kind: Option<String>,
    name: String,
    arguments: String,
}

/// How the server ended the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum End {
    /// It has not ended yet.
    #[default]
    Open,
    /// A stream that ended with `[DONE]`.
    Marked,
    /// A plain answer, whose JSON is complete.
    Whole,
}

/// What has been received so far. Until it is complete, its texts may hold halves of characters; see `halves`.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    generation_id: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    text: String,
    reasoning: String,
    refusal: String,
    finish_reason: Option<String>,
    native_finish_reason: Option<String>,
    usage: Option<Usage>,
    service_tier: Option<String>,
    cost_usd: Option<Decimal>,
    annotations: Vec<Value>,
    tool_calls: Vec<ToolCall>,
    images: Vec<Value>,
    /// Sound, and the base64 of it that is not yet a whole number of bytes.
    sound: Vec<u8>,
    sound_rest: String,
    transcript: String,
    routing: Option<Value>,
    error: Option<Value>,
    /// Whether a chunk had choices at all.
    has_choices: bool,
    end: End,
    /// How many events could not be read.
    unreadable: usize,
    /// When the first piece of the answer came, after the request.
    first_token_after: Option<Duration>,
}

impl Assembly {
    pub(crate) fn new(generation_id: Option<String>) -> Self {
        Self {
            generation_id,
            ..Self::default()
        }
    }

    /// Adds a chunk or a whole answer.
    pub(crate) fn absorb(&mut self, chunk: Chunk) {
        let id = chunk.id.as_deref().map(text::message);
        keep_first(&mut self.generation_id, id);
        keep_last(&mut self.model, chunk.model);
        keep_last(&mut self.provider, chunk.provider);
        let tier = chunk.service_tier.as_deref().map(text::message);
        keep_last(&mut self.service_tier, tier);
        if let Some(usage) = chunk.usage {
            self.absorb_usage(usage);
        }
        if let Some(routing) = chunk.openrouter_metadata.filter(Value::is_object) {
            self.routing = Some(join_all(routing));
        }
        self.absorb_error(chunk.error);
        for choice in chunk.choices {
            if choice.index != 0 {
                continue;
            }
            self.has_choices = true;
            self.absorb_error(choice.error);
            keep_last(&mut self.finish_reason, choice.finish_reason);
            keep_last(&mut self.native_finish_reason, choice.native_finish_reason);
            if let Some(delta) = choice.delta {
                self.absorb_message(delta, true);
            }
            if let Some(message) = choice.message {
                self.absorb_message(message, false);
            }
        }
    }

    fn absorb_error(&mut self, error: Option<Value>) {
        if self.error.is_none() {
            self.error = error.filter(classify::is_error).map(join_all);
        }
    }

    fn absorb_usage(&mut self, wire: WireUsage) {
        let total = wire.prompt_tokens.saturating_add(wire.completion_tokens);
        let (prompt, completion) = (wire.prompt_tokens_details, wire.completion_tokens_details);
        let tools = wire.server_tool_use_details;
        self.usage = Some(Usage {
            prompt_tokens: wire.prompt_tokens,
            completion_tokens: wire.completion_tokens,
            total_tokens: if wire.total_tokens == 0 {
                total
            } else {
                wire.total_tokens
            },
            reasoning_tokens: completion.reasoning_tokens,
            cached_tokens: prompt.cached_tokens,
            cache_write_tokens: prompt.cache_write_tokens,
            audio_tokens: prompt.audio_tokens,
            audio_output_tokens: completion.audio_tokens,
            video_tokens: prompt.video_tokens,
            web_search_requests: tools.web_search_requests,
            tool_calls_requested: tools.tool_calls_requested,
            tool_calls_executed: tools.tool_calls_executed,
            server_tool_cost_usd: wire.cost_details.server_tool_cost.unwrap_or_default(),
            upstream_cost_usd: wire
                .cost_details
                .upstream_inference_cost
                .unwrap_or_default(),
            is_byok: wire.is_byok,
            ..Usage::default()
        });
        if wire.cost.is_some() {
            self.cost_usd = wire.cost;
        }
    }

    fn absorb_message(&mut self, message: Message, is_delta: bool) {
        match message.content {
            Some(Value::String(text)) => self.text.push_str(&text),
            Some(Value::Array(parts)) => self.absorb_parts(parts),
            _ => {}
        }
        if !message.reasoning.is_empty() {
            self.reasoning.push_str(&message.reasoning);
        } else if !message.reasoning_content.is_empty() {
            self.reasoning.push_str(&message.reasoning_content);
        } else {
            for detail in &message.reasoning_details {
                let text = detail.get("text").or_else(|| detail.get("summary"));
                self.reasoning
                    .push_str(text.and_then(Value::as_str).unwrap_or_default());
            }
        }
        self.refusal.push_str(&message.refusal);
        self.annotations.extend(message.annotations);
        self.images.extend(message.images);
        self.absorb_sound(&message.audio.data);
        self.transcript.push_str(&message.audio.transcript);
        for call in &message.tool_calls {
            self.absorb_tool_call(call, is_delta);
        }
    }

    /// Adds a piece of sound. A piece may be base64 of its own, with padding at its end, or be cut anywhere.
    fn absorb_sound(&mut self, piece: &str) {
        self.sound_rest.push_str(piece);
        let whole = self.sound_rest.len() / 4 * 4;
        let Some(ready) = self.sound_rest.get(..whole) else {
            self.sound_rest.clear();
            return;
        };
        if let Ok(bytes) = STANDARD.decode(ready) {
            self.sound.extend(bytes);
        }
        self.sound_rest.drain(..whole);
    }

    fn audio(&mut self) -> Option<Audio> {
        if self.sound.is_empty() && self.transcript.is_empty() {
            return None;
        }
        let transcript = join(std::mem::take(&mut self.transcript));
        Some(Audio {
            data: std::mem::take(&mut self.sound),
            transcript: (!transcript.is_empty()).then_some(transcript),
        })
    }

    fn absorb_parts(&mut self, parts: Vec<Value>) {
        for part in parts {
            match &part {
                Value::String(text) => self.text.push_str(text),
                _ if part.get("image_url").is_some() => self.images.push(part),
                _ => {
                    let text = part.get("text").and_then(Value::as_str);
                    self.text.push_str(text.unwrap_or_default());
                    let refusal = part.get("refusal").and_then(Value::as_str);
                    self.refusal.push_str(refusal.unwrap_or_default());
                }
            }
        }
    }

    /// Adds a piece of a tool call to the call with the same index; without an index, with the same id; without both, to
    /// the last call. In a plain answer each tool call is whole.
    fn absorb_tool_call(&mut self, piece: &Value, is_delta: bool) {
        let string = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let index = piece.get("index").and_then(lenient::to_count);
        let id = string(piece.get("id"));
        let known = if !is_delta {
            None
        } else if index.is_some() {
            self.tool_calls.iter().position(|call| call.index == index)
        } else if id.is_some() {
            self.tool_calls.iter().position(|call| call.id == id)
        } else {
            self.tool_calls.len().checked_sub(1)
        };
        let at = known.unwrap_or_else(|| {
            self.tool_calls.push(ToolCall {
                index,
                ..ToolCall::default()
            });
            self.tool_calls.len() - 1
        });
        let Some(call) = self.tool_calls.get_mut(at) else {
            return;
        };
        keep_first(&mut call.id, id);
        keep_first(&mut call.kind, string(piece.get("type")));
        let function = piece.get("function").unwrap_or(&Value::Null);
        if call.name.is_empty() {
            call.name = string(function.get("name")).unwrap_or_default();
        }
        match function.get("arguments") {
            Some(Value::String(text)) => call.arguments.push_str(text),
            Some(whole @ (Value::Object(_) | Value::Array(_))) => {
                call.arguments = whole.to_string();
            }
            _ => {}
        }
    }

    /// Notes the stream's `[DONE]`.
    pub(crate) fn end_stream(&mut self) {
        self.end = End::Marked;
    }

    /// Notes that the answer was plain and is complete.
    pub(crate) fn end_plain(&mut self) {
        self.end = End::Whole;
    }

    /// Notes an event that could not be read.
    pub(crate) fn skip(&mut self) {
        self.unreadable += 1;
    }

    /// Notes how long after the request a piece came, where it is the first of the answer.
    pub(crate) fn note_piece(&mut self, after: Duration) {
        if self.first_token_after.is_none() && self.has_begun() {
            self.first_token_after = Some(after);
        }
    }

    /// Whether a piece of the answer has been received.
    pub(crate) fn has_begun(&self) -> bool {
        self.is_settled()
            || !(self.text.is_empty()
                && self.reasoning.is_empty()
                && self.refusal.is_empty()
                && self.tool_calls.is_empty()
                && self.images.is_empty()
                && self.sound.is_empty()
                && self.transcript.is_empty())
    }

    /// The text so far. It may hold halves of characters.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The reasoning so far. It may hold halves of characters.
    pub(crate) fn reasoning(&self) -> &str {
        &self.reasoning
    }

    /// Whether it is known how the answer ends; usage may still follow.
    pub(crate) fn is_settled(&self) -> bool {
        self.finish_reason.is_some() || self.error.is_some()
    }

    /// Whether what was received looks like an answer.
    pub(crate) fn is_answer(&self) -> bool {
        self.has_choices || self.error.is_some()
    }

    /// Whether it is known that the answer is finished and did not break off: it has a finish reason, an error or usage.
    pub(crate) fn tells_its_end(&self) -> bool {
        self.is_settled() || self.usage.is_some()
    }

    /// The failure: its reason, with what was received before it.
    pub(crate) fn failure(self, error: Error) -> Failure {
        Failure {
            error,
            generation_id: self.generation_id,
            usage: with_tier(self.usage, self.service_tier),
            cost_usd: self.cost_usd,
            partial_text: join(self.text),
        }
    }

    /// The answer, or why there is none.
    pub(crate) fn complete(
        mut self,
        origin: Origin<'_>,
        max_tokens: u32,
    ) -> Result<Completion, Box<Failure>> {
        if let Some(error) = self.fault(origin, max_tokens) {
            return Err(Box::new(self.failure(error)));
        }
        if self.unreadable > 0 {
            tracing::warn!(
                generation = self.generation_id,
                events = self.unreadable,
                "events of the answer could not be read; the answer is made of the others"
            );
        }
        if self.text.is_empty() {
            self.text.clone_from(&self.refusal);
        }
        let audio = self.audio();
        Ok(Completion {
            generation_id: self.generation_id,
            first_token_after: self.first_token_after,
            text: join(self.text),
            model: self
                .model
                .unwrap_or_else(|| origin.model.unwrap_or_default().to_owned()),
            provider: self.provider,
            finish_reason: self.finish_reason,
            native_finish_reason: self.native_finish_reason,
            usage: with_tier(self.usage, self.service_tier).unwrap_or_default(),
            cost_usd: self.cost_usd,
            reasoning: some(join(self.reasoning)),
            refusal: some(join(self.refusal)),
            annotations: self.annotations.into_iter().map(join_all).collect(),
            tool_calls: self.tool_calls.into_iter().map(ToolCall::whole).collect(),
            images: self.images.into_iter().map(join_all).collect(),
            audio,
            routing: self.routing,
        })
    }

    fn fault(&self, origin: Origin<'_>, max_tokens: u32) -> Option<Error> {
        if let Some(error) = &self.error {
            return Some(self.with_provider(classify::error(origin, error)));
        }
        let is_empty = self.text.trim().is_empty()
            && self.tool_calls.is_empty()
            && self.images.is_empty()
            && self.sound.is_empty();
        let finish = self.finish_reason.as_deref();
        let native = self.native_finish_reason.as_deref();
        if finish == Some("error") || (is_empty && native == Some("network_error")) {
            let error = Value::String(format!(
                "the answer ended with the finish reason {}",
                native.or(finish).unwrap_or_default()
            ));
            return Some(self.with_provider(classify::error(origin, &error)));
        }
        // Without a finish reason the text is whole only where something else says so.
        let lacks = match self.end {
            _ if finish.is_some() => None,
            End::Open => Some("a finish reason"),
            _ if native == Some("network_error") => Some("a finish reason: network_error"),
            End::Marked if self.usage.is_none() => Some("a finish reason and without usage"),
            End::Marked | End::Whole => None,
        };
        if let Some(lacks) = lacks {
            return Some(Error::StreamCut {
                reason: format!("it ended without {lacks}"),
            });
        }
        if !is_empty {
            return None;
        }
        let usage = self.usage.clone().unwrap_or_default();
        match finish {
            Some("content_filter") => Some(Error::ContentFiltered(Box::new(UpstreamError {
                status: None,
                provider: self.provider.as_deref().map(text::message),
                message: some(text::message(&self.refusal)).unwrap_or_else(|| {
                    format!("finish reason {}", native.unwrap_or("content_filter"))
                }),
                retry_after: None,
            }))),
            _ if !self.refusal.trim().is_empty() => None,
            Some("length") => Some(Error::OutputTruncated {
                max_tokens,
                reasoning_tokens: usage.reasoning_tokens,
            }),
            _ => Some(Error::EmptyAnswer {
                finish_reason: self.finish_reason.as_deref().map(text::message),
                completion_tokens: usage.completion_tokens,
                reasoning_tokens: usage.reasoning_tokens,
            }),
        }
    }

    /// Adds the provider that the chunks named to an error that names none.
    fn with_provider(&self, mut error: Error) -> Error {
        if let Error::ProviderError(upstream)
        | Error::ProviderOverloaded(upstream)
        | Error::UpstreamTimeout(upstream)
        | Error::RateLimitExceeded { upstream, .. } = &mut error
        {
            upstream.provider = upstream
                .provider
                .take()
                .or_else(|| self.provider.as_deref().map(text::message));
        }
        error
    }
}

impl ToolCall {
    fn whole(self) -> Value {
        let mut call = Map::new();
        if let Some(id) = self.id {
            call.insert("id".into(), id.into());
        }
        let kind = self.kind.unwrap_or_else(|| "function".into());
        call.insert("type".into(), kind.into());
        let arguments = if self.arguments.is_empty() {
            "{}"
        } else {
            &self.arguments
        };
        call.insert(
            "function".into(),
            json!({"name": self.name, "arguments": arguments}),
        );
        join_all(Value::Object(call))
    }
}

/// Moves the tier into the usage. Where there is no usage, the tier is dropped.
fn with_tier(usage: Option<Usage>, service_tier: Option<String>) -> Option<Usage> {
    let mut usage = usage?;
    usage.service_tier = service_tier;
    Some(usage)
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn keep_first(slot: &mut Option<String>, value: Option<String>) {
    if slot.is_none() {
        *slot = value.filter(|text| !text.is_empty()).map(join);
    }
}

fn keep_last(slot: &mut Option<String>, value: Option<String>) {
    if let Some(text) = value.filter(|text| !text.is_empty()) {
        *slot = Some(join(text));
    }
}
