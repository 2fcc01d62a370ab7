//! Finds the [`Error`] that OpenRouter's answer to a failed request means.
//!
//! The most reliable sign is used first: the availability code, then the kind of limit, then OpenRouter's own
//! sentences, then the stated kind of error, then the HTTP status.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::error::{Error, UpstreamError};
use crate::{halves, lenient, text};

const DAY: u64 = 24 * 3600;
const DEEPEST: usize = 6;

/// Where an error came from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin<'a> {
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long the headers ask to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The model that was asked.
    pub(crate) model: Option<&'a str>,
}

/// The error that an answer with a failure status means, with any body.
pub(crate) fn refusal(origin: Origin<'_>, content_type: Option<&str>, body: &str) -> Error {
    if let Some(root) = json(body) {
        return error(origin, find(&root).unwrap_or(&root));
    }
    let body = body.trim();
    let unexpected = origin.status < 400 || (origin.status == 404 && !body.is_empty());
    if unexpected {
        return Error::UnexpectedAnswer {
            status: origin.status,
            content_type: content_type.map(text::message),
            excerpt: text::excerpt(body),
        };
    }
    let message = if body.is_empty() {
        format!("status {} without a body", origin.status)
    } else {
        text::excerpt(body)
    };
    error(origin, &Value::String(message))
}

/// Reads JSON after keep-alive blanks or comment lines.
pub(crate) fn json(body: &str) -> Option<Value> {
    serde_json::from_str(&halves::replace(without_comments(body))).ok()
}

/// What follows the blanks and the lines that begin with a colon.
pub(crate) fn without_comments(body: &str) -> &str {
    let mut rest = body.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with(':') {
        rest = rest
            .split_once('\n')
            .map_or("", |(_, after)| after)
            .trim_start();
    }
    rest
}

/// The error within a body: at its root, or in its first choice.
fn find(root: &Value) -> Option<&Value> {
    root.get("error")
        .or_else(|| root.pointer("/choices/0/error"))
        .filter(|error| is_error(error))
}

/// Whether the value of an `error` field says anything.
pub(crate) fn is_error(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::String(text) => !text.is_empty(),
        _ => false,
    }
}

/// The meaning of an error object.
pub(crate) fn error(origin: Origin<'_>, error: &Value) -> Error {
    let words = Words::read(origin, error);
    let upstream = Box::new(words.upstream(origin));
    by_availability(&words)
        .or_else(|| by_limit(&words))
        .or_else(|| by_sentence(&words))
        .or_else(|| words.kinds.iter().find_map(|kind| by_kind(&words, kind)))
        .unwrap_or_else(|| by_status(&words, origin))
        .into_error(&words, origin, upstream)
}

/// The classes of [`Error`] that a server can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    InvalidApiKey,
    InsufficientCredits,
    InFlightBudget,
    KeyLimitExceeded,
    BudgetLimitExceeded,
    ContentModerated,
    PermissionDenied,
    ModelNotFound,
    NoEndpoints,
    ContextLengthExceeded,
    InvalidRequest,
    RateLimitExceeded,
    ProviderError,
    ProviderOverloaded,
    UpstreamTimeout,
    InternalUpstream,
    Unclassified,
}

impl Class {
    fn into_error(
        self,
        words: &Words,
        origin: Origin<'_>,
        mut upstream: Box<UpstreamError>,
    ) -> Error {
        match self {
            Self::InvalidApiKey => Error::InvalidApiKey(upstream),
            Self::InsufficientCredits => Error::InsufficientCredits(upstream),
            Self::InFlightBudget => Error::InFlightBudget(upstream),
            Self::KeyLimitExceeded => Error::KeyLimitExceeded(upstream),
            Self::BudgetLimitExceeded => Error::BudgetLimitExceeded(upstream),
            Self::ContentModerated => Error::ContentModerated {
                reasons: words.reasons.clone(),
                upstream,
            },
            Self::PermissionDenied => Error::PermissionDenied(upstream),
            Self::ModelNotFound => Error::ModelNotFound {
                model: origin.model.map(text::message),
                upstream,
            },
            Self::NoEndpoints => Error::NoEndpoints {
                filter: words.filter.clone(),
                upstream,
            },
            Self::ContextLengthExceeded => Error::ContextLengthExceeded(upstream),
            Self::InvalidRequest => Error::InvalidRequest(upstream),
            Self::RateLimitExceeded => {
                let daily = words.has("free-models-per-day");
                if daily {
                    upstream.retry_after = Some(until_midnight(SystemTime::now()));
                }
                Error::RateLimitExceeded { daily, upstream }
            }
            Self::ProviderError => Error::ProviderError(upstream),
            Self::ProviderOverloaded => Error::ProviderOverloaded(upstream),
            Self::UpstreamTimeout => Error::UpstreamTimeout(upstream),
            Self::InternalUpstream => Error::InternalUpstream(upstream),
            Self::Unclassified => Error::Unclassified {
                status: words.status.unwrap_or(origin.status),
                upstream,
            },
        }
    }
}

/// What an error object says, collected from all the places where it may stand.
#[derive(Debug, Default)]
struct Words {
    status: Option<u16>,
    /// `error_type`, and codes that are words, not numbers.
    kinds: Vec<String>,
    availability: Option<String>,
    limit_source: Option<String>,
    /// OpenRouter's own sentence.
    message: String,
    /// That sentence in lower case.
    sentence: String,
    /// What the provider said, at its innermost.
    innermost: Option<String>,
    provider: Option<String>,
    filter: Option<String>,
    reasons: Vec<String>,
    is_budget: bool,
    retry_after: Option<Duration>,
}

impl Words {
    fn read(origin: Origin<'_>, error: &Value) -> Self {
        let metadata = error.get("metadata").unwrap_or(&Value::Null);
        let string = |at: &Value, name: &str| {
            at.get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.trim().is_empty())
                .map(str::to_owned)
        };
        let code = error.get("code");
        let number = code
            .and_then(lenient::to_count)
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..600).contains(code));
        let refused = (origin.status >= 400).then_some(origin.status);
        let message = sentence_of(error, 0).unwrap_or_default();
        let raw = metadata.get("raw").filter(|raw| !raw.is_null());
        let mut kinds: Vec<String> = [
            string(metadata, "error_type"),
            string(error, "error_type"),
            code.and_then(Value::as_str).map(str::to_owned),
            string(error, "type"),
            string(error, "name"),
        ]
        .into_iter()
        .flatten()
        .collect();
        kinds.dedup();
        let availability = error.get("availability").unwrap_or(&Value::Null);
        let has = |name: &str| metadata.get(name).is_some_and(|value| !value.is_null());
        Self {
            status: number.or(refused),
            kinds,
            availability: string(availability, "code"),
            limit_source: string(metadata, "limit_source"),
            sentence: message.to_lowercase(),
            innermost: raw.and_then(|raw| sentence_of(raw, 0)),
            provider: string(metadata, "provider_name"),
            filter: string(metadata, "failed_routing_step"),
            reasons: list(metadata, "reasons")
                .chain(list(metadata, "patterns"))
                .collect(),
            is_budget: has("limit_usd") && has("spend_usd"),
            retry_after: origin
                .retry_after
                .or_else(|| wait_in_body(metadata, availability)),
            message,
        }
    }

    fn has(&self, part: &str) -> bool {
        self.sentence.contains(part)
    }

    fn upstream(&self, origin: Origin<'_>) -> UpstreamError {
        let message = match &self.innermost {
            Some(inner) => inner,
            None if self.message.is_empty() => "no message",
            None => &self.message,
        };
        UpstreamError {
            status: self
                .status
                .or_else(|| (origin.status != 0).then_some(origin.status)),
            provider: self.provider.as_deref().map(text::message),
            message: text::message(message),
            retry_after: self.retry_after,
        }
    }

    /// Whether the provider refused OpenRouter's request. A 401 then says nothing of our key.
    fn is_from_provider(&self) -> bool {
        self.has("provider returned error") && (self.provider.is_some() || self.innermost.is_some())
    }
}

fn list<'a>(at: &'a Value, name: &str) -> impl Iterator<Item = String> + 'a {
    at.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(text::message)
}

/// The innermost sentence of an error, whose message may be JSON within a string, and that within another.
fn sentence_of(value: &Value, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    match value {
        Value::String(text) => {
            let trimmed = text.trim();
            let nested = trimmed
                .starts_with(['{', '['])
                .then(|| serde_json::from_str::<Value>(&halves::replace(trimmed)).ok())
                .flatten()
                .and_then(|inner| sentence_of(&inner, depth + 1));
            nested.or_else(|| (!trimmed.is_empty()).then(|| trimmed.to_owned()))
        }
        Value::Array(items) => {
            let all: Vec<String> = items
                .iter()
                .filter_map(|item| {
                    let sentence = sentence_of(item, depth + 1)?;
                    Some(match path_of(item) {
                        Some(path) => format!("{path}: {sentence}"),
                        None => sentence,
                    })
                })
                .collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(fields) => [
            "error",
            "message",
            "detail",
            "error_message",
            "msg",
            "reason",
        ]
        .iter()
        .filter_map(|name| fields.get(*name))
        .find_map(|inner| sentence_of(inner, depth + 1)),
        _ => None,
    }
}

/// The place that a validator's issue names: `["messages", 0, "role"]` becomes `messages.0.role`.
fn path_of(issue: &Value) -> Option<String> {
    let parts: Vec<String> = issue
        .get("path")?
        .as_array()?
        .iter()
        .map(|part| {
            part.as_str()
                .map_or_else(|| part.to_string(), str::to_owned)
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join("."))
}

fn by_availability(words: &Words) -> Option<Class> {
    Some(match words.availability.as_deref()? {
        "model_not_found" | "model_deprecated" | "free_variant_ended" => Class::ModelNotFound,
        "no_endpoints" if words.filter.is_none() => by_sentence(words)?,
        "no_endpoints"
        | "model_unavailable_upstream"
        | "privacy_restricted"
        | "constraint_filtered" => Class::NoEndpoints,
        "wrong_endpoint" => Class::InvalidRequest,
        "region_restricted" => Class::PermissionDenied,
        "capacity_exhausted" => Class::RateLimitExceeded,
        "temporarily_unavailable" => Class::ProviderOverloaded,
        _ => return None,
    })
}

fn by_limit(words: &Words) -> Option<Class> {
    Some(match words.limit_source.as_deref()? {
        "openrouter_credits" => Class::InsufficientCredits,
        "openrouter_key_limit" => Class::KeyLimitExceeded,
        "openrouter_in_flight_budget" => Class::InFlightBudget,
        "openrouter_guardrail_budget" | "openrouter_workspace_budget" => Class::BudgetLimitExceeded,
        "upstream_provider_shared_pool" if words.status == Some(429) => Class::RateLimitExceeded,
        "upstream_provider_shared_pool" if words.status == Some(402) => Class::ProviderOverloaded,
        _ => return None,
    })
}

fn by_sentence(words: &Words) -> Option<Class> {
    let inner = words
        .innermost
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let too_long = |text: &str| {
        text.contains("maximum context length") || text.contains("context_length_exceeded")
    };
    let client_fault = words.status.is_none_or(|status| status < 500);
    let model_gone = words.has("is not a valid model id")
        || words
            .sentence
            .strip_prefix("no endpoints found for ")
            // What follows is an id, and all but its last sentence mark is one word.
            .is_some_and(|id| id.split_whitespace().count() == 1);
    Some(if model_gone {
        Class::ModelNotFound
    } else if words.has("no endpoints ")
        || words.has("no allowed providers")
        || words.has("no models match")
    {
        Class::NoEndpoints
    } else if client_fault && (too_long(&words.sentence) || too_long(&inner)) {
        Class::ContextLengthExceeded
    } else if words.has("key limit exceeded") {
        Class::KeyLimitExceeded
    } else if words.has("budget limit exceeded") {
        Class::BudgetLimitExceeded
    } else if words.has("in-flight requests") {
        Class::InFlightBudget
    } else if words.has("insufficient credits") || words.has("requires more credits") {
        Class::InsufficientCredits
    } else if words.has("requires moderation") || words.has("prompt injection") {
        Class::ContentModerated
    } else if words.has("rate limit exceeded:") || inner.contains("rate-limited upstream") {
        Class::RateLimitExceeded
    } else {
        return None;
    })
}

fn by_kind(words: &Words, kind: &str) -> Option<Class> {
    Some(match kind {
        "context_length_exceeded" | "token_limit_exceeded" => Class::ContextLengthExceeded,
        "content_policy_violation" | "refusal" => Class::ContentModerated,
        "authentication" | "invalid_api_key" | "payment_required" | "permission_denied"
            if words.is_from_provider() =>
        {
            Class::ProviderError
        }
        "authentication" | "invalid_api_key" => Class::InvalidApiKey,
        "payment_required" | "insufficient_credits" => Class::InsufficientCredits,
        "permission_denied" if words.reasons.is_empty() && !words.is_budget => {
            Class::PermissionDenied
        }
        "model_not_found" => Class::ModelNotFound,
        "invalid_request"
        | "invalid_request_error"
        | "invalid_prompt"
        | "invalid_image"
        | "image_too_large"
        | "image_too_small"
        | "unsupported_image_format"
        | "image_download_failed"
        | "image_not_found"
        | "max_tokens_exceeded"
        | "string_too_long"
        | "precondition_failed"
        | "payload_too_large"
        | "unprocessable"
        | "ZodError" => Class::InvalidRequest,
        "rate_limit_exceeded" => Class::RateLimitExceeded,
        "server" | "server_error" => Class::InternalUpstream,
        "provider_unavailable" => Class::ProviderError,
        "provider_overloaded" => Class::ProviderOverloaded,
        "timeout" => Class::UpstreamTimeout,
        _ => return None,
    })
}

fn by_status(words: &Words, origin: Origin<'_>) -> Class {
    let Some(status) = words.status else {
        // An error within a 200, without a code: something behind OpenRouter failed.
        return Class::ProviderError;
    };
    match status {
        401..=404 if words.is_from_provider() => Class::ProviderError,
        401 => Class::InvalidApiKey,
        402 => Class::InsufficientCredits,
        403 if words.is_budget => Class::BudgetLimitExceeded,
        403 if !words.reasons.is_empty() => Class::ContentModerated,
        403 => Class::PermissionDenied,
        404 if words.filter.is_some() => Class::NoEndpoints,
        404 if origin.model.is_some() => Class::ModelNotFound,
        400 | 409 | 410 | 412 | 413 | 415 | 422 => Class::InvalidRequest,
        408 | 504 | 524 => Class::UpstreamTimeout,
        429 => Class::RateLimitExceeded,
        502 => Class::ProviderError,
        503 | 529 => Class::ProviderOverloaded,
        500 | 520..=527 | 530 => Class::InternalUpstream,
        _ => Class::Unclassified,
    }
}

/// How long the headers ask to wait: `retry-after-ms`, `Retry-After` in seconds or as a date, or the
/// `X-RateLimit-Reset` that OpenRouter gives in Unix milliseconds.
pub(crate) fn wait_in_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("retry-after-ms")
        .and_then(|ms| seconds(ms.trim().parse::<f64>().ok()? / 1000.0))
        .or_else(|| text("retry-after").and_then(retry_after))
        .or_else(|| text("x-ratelimit-reset").and_then(reset))
}

fn wait_in_body(metadata: &Value, availability: &Value) -> Option<Duration> {
    let header = |wanted: &str| {
        let headers = metadata.get("headers")?.as_object()?;
        let (_, value) = headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    };
    let stated = |at: &Value, name: &str| match at.get(name)? {
        Value::Number(number) => seconds(number.as_f64()?),
        Value::String(text) => retry_after(text),
        _ => None,
    };
    stated(metadata, "retry_after_seconds")
        .or_else(|| stated(availability, "retry_after"))
        .or_else(|| header("retry-after").and_then(|value| retry_after(&value)))
        .or_else(|| header("x-ratelimit-reset").and_then(|value| reset(&value)))
}

fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(number) = value.parse::<f64>() {
        return seconds(number);
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    until(u64::try_from(date.as_millisecond()).ok()?)
}

fn reset(value: &str) -> Option<Duration> {
    let at: u64 = value.trim().parse().ok()?;
    // Documented as milliseconds. A number this small has to be seconds.
    until(if at < 100_000_000_000 {
        at.saturating_mul(1000)
    } else {
        at
    })
}

fn until(unix_ms: u64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(
        Duration::from_millis(unix_ms)
            .saturating_sub(now)
            .min(Duration::from_secs(DAY)),
    )
}

/// No wait is longer than a day.
fn seconds(number: f64) -> Option<Duration> {
    (number.is_finite() && number >= 0.0).then(|| Duration::from_secs_f64(number.min(DAY as f64)))
}

fn until_midnight(now: SystemTime) -> Duration {
    let since = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Duration::from_secs(DAY - since % DAY)
}

#[cfg(test)]
mod tests;
