//! The answers of faults that happen before a generation begins.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{Span, Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::json;

use crate::ask::Ask;
use crate::catalogue::{Resolved, invalid_model, no_endpoints};
use crate::faults::{Fault, FaultCall};
use crate::keys::{key_limit, no_credits};
use crate::refusal::Refusal;

const ROUTING: &str = "To learn more about provider routing, visit: \
                       https://openrouter.ai/docs/guides/routing/provider-selection";
const PAGE: &str = "<!DOCTYPE html><html><head><title>OpenRouter</title></head>\
                    <body><h1>502 Bad Gateway</h1></body></html>";

/// The answer of a fault with which no generation begins; `None` for the other faults.
pub(crate) fn refusal(call: &FaultCall, ask: &Ask, model: &Resolved) -> Option<Refusal> {
    let wait = call.argument("retry_after", 1);
    let slug = &model.slug;
    Some(match call.fault {
        Fault::RateLimitOwn => {
            let reset = Timestamp::now().as_millisecond() + seconds_to_millis(wait);
            own_limit("Rate limit exceeded: free-models-per-min. ", 20, reset).retry_after(wait)
        }
        Fault::RateLimitFreeDay => {
            let (reset, wait) = next_midnight();
            let text = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 \
                        free model requests per day";
            own_limit(text, 50, reset).retry_after(wait)
        }
        Fault::RateLimitUpstream => {
            let raw = format!(
                "{slug} is temporarily rate-limited upstream. Please retry shortly, or add your own \
                 key to accumulate your rate limits: https://openrouter.ai/settings/integrations"
            );
            provider_error(429, model, &raw, "rate_limit_exceeded").retry_after(wait)
        }
        Fault::NoCredits => no_credits(),
        Fault::FewerMaxTokens => fewer_max_tokens(ask, call),
        Fault::InFlightBudget => Refusal::new(
            402,
            "This request would exceed your available credits given your current in-flight \
             requests. Retry after in-flight requests settle, or add credits.",
        )
        .metadata(json!({"limit_source": "openrouter_in_flight_budget"}))
        .user()
        .retry_after(wait),
        Fault::KeyLimit => key_limit(),
        Fault::Moderation => moderation(ask, model),
        Fault::NoEndpoints => no_endpoints(slug),
        Fault::NoEndpointsTools => {
            let tool = ask.tool.as_deref().unwrap_or("lookup");
            let text = format!(
                "No endpoints found that support tool use. Try disabling \"{tool}\". {ROUTING}"
            );
            routing(text, "Filter by Tool Compatibility")
        }
        Fault::NoEndpointsDataPolicy => routing(
            "No endpoints found matching your data policy (Free model training). Configure: \
             https://openrouter.ai/settings/privacy"
                .to_owned(),
            "Filter by Data Policy",
        ),
        Fault::NoEndpointsParams => routing(
            format!("No endpoints found that can handle the requested parameters. {ROUTING}"),
            "Filter by Parameters",
        ),
        Fault::NoEndpointsProviders => routing(
            "No allowed providers are available for the selected model.".to_owned(),
            "Filter by Allowed Providers",
        ),
        Fault::InvalidModel => invalid_model(slug),
        Fault::ContextLength => context_length(ask, model.context, true),
        Fault::ZodError => Refusal::zod(&json!([{
            "code": "invalid_type", "expected": "string", "received": "undefined",
            "path": ["messages", 0, "role"], "message": "Required",
        }])),
        Fault::Timeout408 => Refusal::new(408, "Operation timed out. Please try again later."),
        Fault::TooLarge413 => too_large(),
        Fault::Internal500 => Refusal::new(500, "Internal Server Error").user(),
        Fault::Provider502 => {
            provider_error(502, model, "upstream connect error", "provider_unavailable")
        }
        Fault::Unavailable503 => {
            Refusal::new(503, "Service temporarily unavailable").retry_after(wait)
        }
        Fault::Edge524 => Refusal::new(524, "Request timed out. Please try again later."),
        Fault::Overloaded529 => provider_error(
            529,
            model,
            "{\"type\":\"overloaded_error\"}",
            "provider_overloaded",
        ),
        _ => return None,
    })
}

/// 404 where the model costs more than `provider.max_price` allows.
pub(crate) fn too_dear(ask: &Ask, model: &Resolved) -> Option<Refusal> {
    let million = Decimal::from(1_000_000);
    let over =
        |price: Decimal, most: Option<Decimal>| most.is_some_and(|most| price * million > most);
    let too_dear = over(model.prices.prompt, ask.max_price.prompt)
        || over(model.prices.completion, ask.max_price.completion);
    too_dear.then(|| {
        let text = "No endpoints found that satisfy the max price for this request";
        routing(text.to_owned(), "Filter by Max Price")
    })
}

/// The faults that answer with a page instead of JSON.
pub(crate) fn page(fault: Fault) -> Option<Response> {
    let status = match fault {
        Fault::Html502 => StatusCode::BAD_GATEWAY,
        Fault::Html200 => StatusCode::OK,
        _ => return None,
    };
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    Some((status, [(header::CONTENT_TYPE, html)], PAGE).into_response())
}

pub(crate) fn too_large() -> Refusal {
    Refusal::new(413, "Request payload too large")
}

/// 400 for a request that is longer than the context. `numbers` as the test gave them, or such that they exceed it.
pub(crate) fn context_length(ask: &Ask, limit: u64, exceed: bool) -> Refusal {
    let output = ask.max_tokens.unwrap_or(0);
    let input = if exceed {
        ask.prompt_tokens + limit
    } else {
        ask.prompt_tokens
    };
    let total = input.saturating_add(output);
    let text = format!(
        "This endpoint's maximum context length is {limit} tokens. However, you requested about \
         {total} tokens ({input} of text input, {output} in the output). Please reduce the length of \
         either one, or use the \"middle-out\" transform to compress your prompt automatically."
    );
    Refusal::new(400, text).metadata(json!({"error_type": "context_length_exceeded"}))
}

fn own_limit(text: &str, limit: u64, reset_millis: i64) -> Refusal {
    let (limit, reset) = (limit.to_string(), reset_millis.to_string());
    Refusal::new(429, text)
        .metadata(json!({
            "headers": {
                "X-RateLimit-Limit": limit,
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": reset,
            },
            "provider_name": null,
        }))
        .user()
        .header("x-ratelimit-limit", limit)
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", reset)
}

fn provider_error(status: u16, model: &Resolved, raw: &str, kind: &str) -> Refusal {
    Refusal::new(status, "Provider returned error")
        .metadata(json!({
            "provider_name": model.provider, "raw": raw, "is_byok": false, "error_type": kind,
        }))
        .user()
}

fn routing(text: String, step: &str) -> Refusal {
    Refusal::new(404, text).metadata(json!({
        "routing_funnel": [
            {"step": "Initial", "endpoint_count": 2},
            {"step": step, "endpoint_count": 0},
        ],
        "failed_routing_step": step,
    }))
}

fn fewer_max_tokens(ask: &Ask, call: &FaultCall) -> Refusal {
    let asked = ask.max_tokens.unwrap_or(65_536);
    let afford = call.argument("afford", asked / 2);
    let text = format!(
        "This request requires more credits, or fewer max_tokens. You requested up to {asked} \
         tokens, but can only afford {afford}. To increase, visit \
         https://openrouter.ai/settings/credits and add more credits"
    );
    Refusal::new(402, text)
        .metadata(json!({"limit_source": "openrouter_credits"}))
        .user()
}

fn moderation(ask: &Ask, model: &Resolved) -> Refusal {
    let flagged: String = ask.user.chars().take(100).collect();
    let text = format!(
        "{} requires moderation on {}. Your input was flagged for \"violence\". No credits were \
         charged.",
        model.slug, model.provider
    );
    Refusal::new(403, text)
        .metadata(json!({
            "reasons": ["violence"], "flagged_input": flagged,
            "provider_name": model.provider, "model_slug": model.slug,
        }))
        .user()
}

fn seconds_to_millis(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

/// The next midnight UTC in unix milliseconds, and the seconds until then.
fn next_midnight() -> (i64, u64) {
    let now = Timestamp::now();
    let midnight = now
        .to_zoned(TimeZone::UTC)
        .start_of_day()
        .and_then(|day| day.checked_add(Span::new().days(1)))
        .map_or(now, |day| day.timestamp());
    let wait = midnight.as_second() - now.as_second();
    (midnight.as_millisecond(), u64::try_from(wait).unwrap_or(0))
}
