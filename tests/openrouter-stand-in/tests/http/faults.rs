//! Every fault answers as OpenRouter has been seen to answer.

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::{Value, json};

use crate::desk::{Desk, KEY, MODEL, amount, content};

/// Name, status, the beginning of the message.
const UPFRONT: [(&str, u16, &str); 21] = [
    (
        "rate-limit-own",
        429,
        "Rate limit exceeded: free-models-per-min. ",
    ),
    (
        "rate-limit-free-day",
        429,
        "Rate limit exceeded: free-models-per-day. Add 10 credits",
    ),
    ("rate-limit-upstream", 429, "Provider returned error"),
    (
        "no-credits",
        402,
        "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
    ),
    (
        "fewer-max-tokens",
        402,
        "This request requires more credits, or fewer max_tokens. You requested up to ",
    ),
    (
        "in-flight-budget",
        402,
        "This request would exceed your available credits given your current in-flight",
    ),
    (
        "key-limit",
        403,
        "Key limit exceeded (total limit). Manage it using ",
    ),
    (
        "moderation",
        403,
        "openai/gpt-4o-mini requires moderation on OpenAI. Your input was flagged for \"violence\".",
    ),
    (
        "no-endpoints",
        404,
        "No endpoints found for openai/gpt-4o-mini.",
    ),
    (
        "no-endpoints-tools",
        404,
        "No endpoints found that support tool use. Try disabling \"lookup\". To learn more",
    ),
    (
        "no-endpoints-data-policy",
        404,
        "No endpoints found matching your data policy (Free model training). Configure: ",
    ),
    (
        "no-endpoints-params",
        404,
        "No endpoints found that can handle the requested parameters.",
    ),
    (
        "no-endpoints-providers",
        404,
        "No allowed providers are available for the selected model.",
    ),
    (
        "invalid-model",
        400,
        "openai/gpt-4o-mini is not a valid model ID",
    ),
    (
        "context-length",
        400,
        "This endpoint's maximum context length is 128000 tokens. However, you requested about ",
    ),
    (
        "timeout-408",
        408,
        "Operation timed out. Please try again later.",
    ),
    ("too-large-413", 413, "Request payload too large"),
    ("internal-500", 500, "Internal Server Error"),
    ("provider-502", 502, "Provider returned error"),
    (
        "edge-524",
        524,
        "Request timed out. Please try again later.",
    ),
    ("overloaded-529", 529, "Provider returned error"),
];

async fn json_of(response: Response) -> Value {
    response.json().await.unwrap()
}

#[tokio::test]
async fn errors_come_before_the_generation() {
    let desk = Desk::open().await;
    for (name, status, text) in UPFRONT {
        for stream in [false, true] {
            let prompt = format!("[[fault:{name}]] {stream}");
            let response = if stream {
                desk.stream(&prompt).await
            } else {
                desk.say(&prompt).await
            };
            assert_eq!(response.status(), status, "{name}");
            let body = json_of(response).await;
            let message = body["error"]["message"].as_str().unwrap();
            assert!(message.starts_with(text), "{name}: {message}");
            assert_eq!(body["error"]["code"], status, "{name}");
        }
    }
    assert!(desk.ledger().await.is_empty());
}

#[tokio::test]
async fn limits_say_when_to_return() {
    let desk = Desk::open().await;
    for name in [
        "rate-limit-own",
        "rate-limit-upstream",
        "in-flight-budget",
        "unavailable-503",
    ] {
        let response = desk.say(&format!("[[fault:{name}(retry_after=7)]]")).await;
        assert_eq!(response.headers()["retry-after"], "7", "{name}");
    }
    let response = desk.say("[[fault:rate-limit-own(retry_after=7)]]").await;
    let reset = response.headers()["x-ratelimit-reset"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(reset.len(), 13, "milliseconds: {reset}");
    let body = json_of(response).await;
    let headers = &body["error"]["metadata"]["headers"];
    assert_eq!(headers["X-RateLimit-Limit"], "20");
    assert_eq!(headers["X-RateLimit-Reset"], reset);
    let body = json_of(desk.say("[[fault:rate-limit-upstream]]").await).await;
    let raw = body["error"]["metadata"]["raw"].as_str().unwrap();
    assert!(raw.contains("is temporarily rate-limited upstream."));
    let body = json_of(desk.say("[[fault:in-flight-budget]]").await).await;
    let source = &body["error"]["metadata"]["limit_source"];
    assert_eq!(source, "openrouter_in_flight_budget");
}

#[tokio::test]
async fn a_fault_ends_after_its_times() {
    let desk = Desk::open().await;
    let prompt = "[[fault:provider-502*2]][[fault:overloaded-529*1]] hi";
    for status in [502, 502, 529, 200, 200] {
        assert_eq!(desk.say(prompt).await.status(), status);
    }
    assert_eq!(desk.say(&format!("{prompt}!")).await.status(), 502);
    let calls = desk.get("/_stand-in/calls").await;
    assert_eq!(calls["byFault"]["provider-502"], 3);
    assert_eq!(calls["generations"], 2);
}

#[tokio::test]
async fn a_fault_can_keep_to_one_model() {
    let desk = Desk::open().await;
    let body = json_of(
        desk.chat(json!({
            "models": ["openai/gpt-4o", MODEL],
            "messages": [{"role": "user", "content": "[[fault:provider-502@openai/gpt-4o]]hi"}],
        }))
        .await,
    )
    .await;
    assert_eq!(body["model"], MODEL);
}

#[tokio::test]
async fn a_header_or_a_model_chooses_a_fault_too() {
    let desk = Desk::open().await;
    let hi = json!([{"role": "user", "content": "hi"}]);
    let request = desk
        .client
        .post(format!("{}/api/v1/chat/completions", desk.origin));
    let response = request
        .bearer_auth(KEY)
        .header("x-stand-in-fault", "timeout-408")
        .json(&json!({"model": MODEL, "messages": hi}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 408);
    let response = desk
        .chat(json!({"model": "stand-in/fault-overloaded-529", "messages": hi}))
        .await;
    assert_eq!(response.status(), 529);
}

#[tokio::test]
async fn bodies_can_be_anything() {
    let desk = Desk::open().await;
    for (name, status) in [("html-502", 502), ("html-200", 200)] {
        let response = desk.say(&format!("[[fault:{name}]]")).await;
        assert_eq!(response.status(), status);
        assert!(
            response
                .text()
                .await
                .unwrap()
                .starts_with("<!DOCTYPE html>")
        );
    }
    assert!(desk.ledger().await.is_empty());
    let text = desk
        .say("[[fault:truncated-json]]")
        .await
        .text()
        .await
        .unwrap();
    assert!(text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err());
    let text = desk.say("[[fault:empty-body]]").await.text().await.unwrap();
    assert_eq!(text, "");
    let text = desk.say("[[fault:comments]]").await.text().await.unwrap();
    assert!(text.starts_with(": OPENROUTER PROCESSING\n"));
    let zod = json_of(desk.say("[[fault:zod-error]]").await).await;
    assert_eq!(
        (&zod["success"], &zod["error"]["name"]),
        (&false.into(), &"ZodError".into())
    );
    let issues = zod["error"]["message"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(issues).unwrap().is_array());
    let calls = desk.get("/_stand-in/calls").await;
    assert_eq!(calls["paid"], 3, "a lost body has been charged");
}

#[tokio::test]
async fn a_200_can_carry_an_error() {
    let desk = Desk::open().await;
    for (name, code) in [
        ("error-in-200", json!(502)),
        ("stream-error-first", json!(502)),
        ("error-code-word", json!("server_error")),
    ] {
        let response = desk.say(&format!("[[fault:{name}]]")).await;
        assert_eq!(response.status(), 200, "{name}");
        let body = json_of(response).await;
        assert_eq!(body["error"]["code"], code, "{name}");
        assert!(body.get("choices").is_none(), "{name}");
    }
    for name in [
        "choice-error",
        "stream-error-mid",
        "stream-error-mid-no-done",
    ] {
        let body = json_of(desk.say(&format!("[[fault:{name}]]")).await).await;
        assert_eq!(body["choices"][0]["error"]["code"], 502, "{name}");
        assert_eq!(body["choices"][0]["finish_reason"], "error", "{name}");
        assert!(!content(&body).is_empty(), "{name}");
    }
    assert_eq!(desk.get("/_stand-in/calls").await["totalCostUsd"], "0");
}

#[tokio::test]
async fn an_answer_can_lack_its_text() {
    let desk = Desk::open().await;
    let ask = async |name: &str| json_of(desk.say(&format!("[[fault:{name}]]")).await).await;
    let body = ask("empty-content").await;
    assert_eq!(content(&body), "");
    assert_eq!(body["usage"]["total_tokens"], 0);
    let body = ask("reasoning-only").await;
    assert_eq!(content(&body), "");
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    let details = &body["usage"]["completion_tokens_details"];
    assert_eq!(details["reasoning_tokens"], 64);
    assert!(amount(&body["usage"]["cost"]) > 0.into());
    let body = ask("content-null").await;
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);
    let body = ask("refusal").await;
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);
    assert!(body["choices"][0]["message"]["refusal"].is_string());
    let body = ask("content-filter").await;
    assert_eq!(body["choices"][0]["finish_reason"], "content_filter");
    let body = ask("network-error-native").await;
    assert_eq!(body["choices"][0]["native_finish_reason"], "network_error");
    assert!(body.get("error").is_none());
    let body = ask("no-usage").await;
    assert!(body.get("usage").is_none());
    let body = ask("tool-calls").await;
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"], Value::Null);
    assert_eq!(message["tool_calls"][0]["function"]["name"], "lookup");
    assert!(message["tool_calls"][0]["function"]["arguments"].is_string());
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn an_answer_can_be_slow_or_broken_off() {
    let desk = Desk::open().await;
    let started = Instant::now();
    let response = desk.say("[[fault:slow-headers(ms=150)]]").await;
    assert!(started.elapsed() >= Duration::from_millis(150));
    assert_eq!(response.status(), 200);
    let started = Instant::now();
    let response = desk.say("[[fault:slow-body(ms=20)]]").await;
    json_of(response).await;
    assert!(started.elapsed() >= Duration::from_millis(100));
    let response = desk.say("[[fault:utf8-split]]").await;
    let body = json_of(response).await;
    assert!(content(&body).starts_with("Grüße an 世界 🌍"));
    assert!(desk.say("[[fault:stream-cut]]").await.text().await.is_err());
    let stalled = desk.say("[[fault:stall]]").await;
    assert_eq!(stalled.status(), 200);
    let text = tokio::time::timeout(Duration::from_millis(200), stalled.text());
    assert!(text.await.is_err());
}
