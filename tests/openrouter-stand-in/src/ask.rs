//! Reads a chat request, and refuses what OpenRouter would refuse.

use axum::http::HeaderMap;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::count::tokens;
use crate::digest::sha256_hex;
use crate::directives::{self, Directives, content_text};
use crate::faults::FaultCall;
use crate::media::Media;
use crate::prompt_cache::Beginning;
use crate::refusal::Refusal;

const PROVIDER_KEYS: [&str; 14] = [
    "order",
    "only",
    "ignore",
    "allow_fallbacks",
    "require_parameters",
    "data_collection",
    "zdr",
    "enforce_distillable_text",
    "quantizations",
    "sort",
    "preferred_min_throughput",
    "preferred_max_latency",
    "max_price",
    "options",
];

/// The parts of a chat request that the stand-in reads.
pub(crate) struct Ask {
    /// The models to try, in order; `None` stands for the account's default.
    pub(crate) models: Vec<Option<String>>,
    pub(crate) system: String,
    /// The last user message without its directives.
    pub(crate) user: String,
    /// Characters and digest of the last user message as it was sent.
    pub(crate) user_chars: usize,
    pub(crate) user_sha256: String,
    pub(crate) directives: Directives,
    /// The fault that a header asks for.
    pub(crate) header_fault: Option<FaultCall>,
    pub(crate) prompt_tokens: u64,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) max_price: MaxPrice,
    pub(crate) stream: bool,
    pub(crate) tool: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) response_format: Option<Value>,
    pub(crate) http_referer: Option<String>,
    pub(crate) title: Option<String>,
    /// Whether the answer is to be in sentences, and to come as slowly as one reads.
    pub(crate) in_prose: bool,
    pub(crate) media: Media,
    pub(crate) modalities: Vec<String>,
    /// The beginning of the prompt that is to be cached.
    pub(crate) beginning: Option<Beginning>,
    /// Whether the answer is to tell how the request was led to its model.
    pub(crate) tell_routing: bool,
}

/// The most that a provider may charge, USD per million tokens.
#[derive(Default)]
pub(crate) struct MaxPrice {
    pub(crate) prompt: Option<Decimal>,
    pub(crate) completion: Option<Decimal>,
}

impl MaxPrice {
    fn read(body: &Map<String, Value>) -> Self {
        let max_price = body
            .get("provider")
            .and_then(|provider| provider.get("max_price"));
        let price = |name: &str| match max_price?.get(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.to_string().parse().ok(),
        };
        Self {
            prompt: price("prompt"),
            completion: price("completion"),
        }
    }
}

impl Ask {
    /// Whether the answer is to have this beside text.
    pub(crate) fn wants(&self, modality: &str) -> bool {
        self.modalities.iter().any(|wanted| wanted == modality)
    }

    pub(crate) fn read(headers: &HeaderMap, body: &[u8], strict: bool) -> Result<Self, Refusal> {
        let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) else {
            return Err(Refusal::new(400, "Input must have at least 1 token."));
        };
        check(&body, strict)?;
        let legacy = body.get("prompt").and_then(Value::as_str);
        let said = said(&body, legacy);
        if said.is_empty() {
            let text = "Input required: specify \"prompt\" or \"messages\"";
            return Err(Refusal::new(400, text));
        }
        let sent = said
            .iter()
            .rev()
            .find(|(role, _)| role == "user")
            .map(|(_, text)| text.clone())
            .unwrap_or_default();
        let system = said
            .iter()
            .filter(|(role, _)| role == "system" || role == "developer")
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let chars = said.iter().map(|(_, text)| text.chars().count()).sum();
        let (directives, user) = directives::take(&sent).map_err(misuse)?;
        let header_fault = match text_header(headers, "x-stand-in-fault") {
            Some(text) => Some(FaultCall::parse(&text).map_err(misuse)?),
            None => None,
        };
        Ok(Self {
            models: models(&body),
            system,
            user,
            user_chars: sent.chars().count(),
            user_sha256: sha256_hex(&sent),
            directives,
            header_fault,
            prompt_tokens: tokens(chars),
            max_tokens: ["max_completion_tokens", "max_tokens"]
                .iter()
                .find_map(|name| body.get(*name).and_then(Value::as_u64)),
            max_price: MaxPrice::read(&body),
            stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
            tool: body
                .get("tools")
                .and_then(|tools| tools.pointer("/0/function/name"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            service_tier: body
                .get("service_tier")
                .and_then(Value::as_str)
                .map(str::to_owned),
            response_format: body.get("response_format").cloned(),
            http_referer: text_header(headers, "http-referer"),
            title: text_header(headers, "x-openrouter-title")
                .or_else(|| text_header(headers, "x-title")),
            in_prose: false,
            media: Media::of(&body),
            modalities: texts(body.get("modalities")),
            beginning: Beginning::of(&body),
            tell_routing: text_header(headers, "x-openrouter-metadata")
                .is_some_and(|level| level == "enabled"),
        })
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn misuse(text: String) -> Refusal {
    Refusal::new(400, format!("stand-in: {text}"))
}

fn text_header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// Role and text of every message.
fn said(body: &Map<String, Value>, legacy: Option<&str>) -> Vec<(String, String)> {
    let messages = body.get("messages").and_then(Value::as_array);
    let mut said: Vec<(String, String)> = messages
        .into_iter()
        .flatten()
        .map(|message| {
            let role = message.get("role").and_then(Value::as_str);
            let text = content_text(message.get("content"));
            (role.unwrap_or("user").to_owned(), text)
        })
        .collect();
    if let (true, Some(prompt)) = (said.is_empty(), legacy) {
        said.push(("user".to_owned(), prompt.to_owned()));
    }
    said
}

fn models(body: &Map<String, Value>) -> Vec<Option<String>> {
    let first = body.get("model").and_then(Value::as_str);
    let listed = body.get("models").and_then(Value::as_array);
    let mut models: Vec<Option<String>> = Vec::new();
    let others = listed.into_iter().flatten().filter_map(Value::as_str);
    for model in first.into_iter().chain(others) {
        let model = Some(model.to_owned());
        if !models.contains(&model) {
            models.push(model);
        }
    }
    if models.is_empty() {
        models.push(None);
    }
    models
}

fn check(body: &Map<String, Value>, strict: bool) -> Result<(), Refusal> {
    let provider = body.get("provider").and_then(Value::as_object);
    let unknown = provider
        .into_iter()
        .flat_map(Map::keys)
        .find(|key| !PROVIDER_KEYS.contains(&key.as_str()));
    if let (true, Some(key)) = (strict, unknown) {
        let text = format!("provider: Unrecognized key(s) in object: '{key}'");
        return Err(Refusal::new(400, text));
    }
    let reasoning = body.get("reasoning").and_then(Value::as_object);
    if reasoning.is_some_and(|map| map.contains_key("effort") && map.contains_key("max_tokens")) {
        let text = "Only one of \"reasoning.effort\" and \"reasoning.max_tokens\" can be specified";
        return Err(Refusal::new(400, text));
    }
    Ok(())
}
