//! The services that every program calls: Secrets Manager and DynamoDB, as far as a node reads them, and OpenRouter.
//! Each answers after the same time and always gives the same answer.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// The text that OpenRouter answers.
pub(crate) const ANSWER: &str =
    "A fox that is quick and brown jumps over a dog that is lazy, as foxes do.";

/// What the answer costs, USD.
pub(crate) const COST: &str = "0.0001234";

/// After how many milliseconds an answer begins.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Latency {
    aws: u64,
    openrouter: u64,
}

/// Where the upstreams listen, as `host:port`.
#[derive(Debug)]
pub(crate) struct Upstreams {
    pub(crate) aws: String,
    pub(crate) openrouter: String,
}

/// Serves them on free ports.
pub(crate) async fn serve(latency: Latency) -> io::Result<Upstreams> {
    let aws = Router::new().route("/", post(aws)).with_state(latency);
    let openrouter = Router::new()
        .route("/api/v1/chat/completions", post(chat))
        .with_state(latency);
    Ok(Upstreams {
        aws: listen(aws).await?,
        openrouter: listen(openrouter).await?,
    })
}

/// Serves on a free port; gives the host and the port.
pub(crate) async fn listen(router: Router) -> io::Result<String> {
    use axum::serve::ListenerExt;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    // Without this an answer may wait some 40 ms for a delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn aws(State(latency): State<Latency>, headers: HeaderMap) -> Response {
    sleep(Duration::from_millis(latency.aws)).await;
    let target = headers.get("x-amz-target").map(|value| value.as_bytes());
    let body = match target {
        Some(b"secretsmanager.GetSecretValue") => {
            let id = "00000000-0000-0000-0000-000000000000";
            json!({
                "ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:bench/main",
                "Name": "bench/main", "VersionId": id, "VersionStages": ["AWSCURRENT"],
                "SecretString": json!({"apiKey": "sk-or-v1-bench"}).to_string(),
            })
        }
        // The list of credentials.
        Some(b"DynamoDB_20120810.Query") => {
            let text = |text: &str| json!({ "S": text });
            let credential = json!({
                "id": text("main"), "name": text("main"), "provider": text("openrouter"), "lastFour": text("ench"),
                "createdAt": text("2026-01-01T00:00:00.000Z"), "revision": {"N": "1"},
            });
            let item = json!({"pk": text("CREDENTIALS"), "sk": text("ID#main"), "credential": {"M": credential}});
            json!({"Count": 1, "ScannedCount": 1, "Items": [item]})
        }
        _ => return axum::http::StatusCode::NOT_IMPLEMENTED.into_response(),
    };
    let headers = [("content-type", "application/x-amz-json-1.1")];
    (headers, body.to_string()).into_response()
}

/// OpenRouter's stream: one event for each word, then the finish, the usage and `[DONE]`.
async fn chat(State(latency): State<Latency>) -> Response {
    sleep(Duration::from_millis(latency.openrouter)).await;
    let mut body = String::new();
    let mut say = |delta: Value, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        body.push_str(&event(json!({ "choices": [choice] })));
    };
    for word in ANSWER.split_inclusive(' ') {
        say(json!({"role": "assistant", "content": word}), None);
    }
    say(json!({"role": "assistant", "content": ""}), Some("stop"));
    let cost: f64 = COST.parse().unwrap_or_default();
    body.push_str(&event(json!({"choices": [], "usage": {
        "prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50, "cost": cost,
    }})));
    body.push_str("data: [DONE]\n\n");
    ([("content-type", "text/event-stream")], body).into_response()
}

fn event(mut chunk: Value) -> String {
    if let Some(fields) = chunk.as_object_mut() {
        fields.insert("id".to_owned(), json!("gen-0000000000-bench"));
        fields.insert("object".to_owned(), json!("chat.completion.chunk"));
        fields.insert("created".to_owned(), json!(1_760_000_000));
        fields.insert("model".to_owned(), json!("openai/gpt-4o-mini"));
        fields.insert("provider".to_owned(), json!("OpenAI"));
    }
    format!("data: {chunk}\n\n")
}
