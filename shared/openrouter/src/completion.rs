//! A model's answer and its usage.

use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_usage::Usage;

/// A model's answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Completion {
    /// OpenRouter's id of this generation, `gen-...`. Its cost can be asked for by this id.
    pub generation_id: Option<String>,
    /// How long after the request the first piece of the answer came; `None` for an answer that came in one piece.
    #[serde(skip)]
    pub first_token_after: Option<Duration>,
    /// The answer. Empty when the model only called tools or drew images; the model's refusal when it refused.
    pub text: String,
    /// The model that answered. With a router, a fallback or an alias it is another one than was asked.
    pub model: String,
    /// The provider that served it, such as `Google AI Studio`.
    pub provider: Option<String>,
    /// `stop`, `length` (the text is cut), `tool_calls`, `content_filter` (the text is cut), or none.
    pub finish_reason: Option<String>,
    /// The provider's own word for it.
    pub native_finish_reason: Option<String>,
    /// Tokens and whatever else it used.
    pub usage: Usage,
    /// What OpenRouter charged, in USD; none if it did not say. With the user's own provider key this is only OpenRouter's fee.
    pub cost_usd: Option<Decimal>,
    /// The model's reasoning, where it shows it.
    pub reasoning: Option<String>,
    /// Why the model refused, where it says so.
    pub refusal: Option<String>,
    /// Citations (`url_citation`) and parsed files (`file`), as on the wire.
    pub annotations: Vec<Value>,
    /// `{id, type, function: {name, arguments}}`, with `arguments` a string of JSON.
    pub tool_calls: Vec<Value>,
    /// `{type, image_url: {url}}` with a data URL, as on the wire.
    pub images: Vec<Value>,
    /// What the model said as sound.
    #[serde(skip)]
    pub audio: Option<Audio>,
    /// How the request was led to its model and provider, where the request asked for it: OpenRouter's `openrouter_metadata`.
    pub routing: Option<Value>,
}

/// Sound of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audio {
    /// The sound, in the format that was asked for.
    pub data: Vec<u8>,
    /// The same as text.
    pub transcript: Option<String>,
}
