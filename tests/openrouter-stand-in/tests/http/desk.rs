//! A stand-in of the test's own with a client.

use std::str::FromStr;

use openrouter_stand_in::{Settings, start};
use reqwest::{Client, Response};
use rust_decimal::Decimal;
use serde_json::{Value, json};

pub(crate) const KEY: &str = "sk-or-v1-abcdefghijklmnopqrstuvwxyz567890";
pub(crate) const MODEL: &str = "openai/gpt-4o-mini";

/// One stand-in and a client of it.
pub(crate) struct Desk {
    pub(crate) origin: String,
    pub(crate) client: Client,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        // A second test in the same process finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            origin: start(settings).await.unwrap(),
            client: Client::new(),
        }
    }

    pub(crate) async fn get_with(&self, path: &str, key: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.origin));
        request.bearer_auth(key).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.get_with(path, KEY).await.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        let request = self.client.post(format!("{}{path}", self.origin));
        request.bearer_auth(KEY).json(&body).send().await.unwrap()
    }

    pub(crate) async fn chat(&self, body: Value) -> Response {
        self.post("/api/v1/chat/completions", body).await
    }

    /// A chat with another key.
    pub(crate) async fn chat_as(&self, key: &str, body: Value) -> Response {
        let url = format!("{}/api/v1/chat/completions", self.origin);
        let request = self.client.post(url).bearer_auth(key).json(&body);
        request.send().await.unwrap()
    }

    /// A chat with an ordinary model and this prompt.
    pub(crate) async fn say(&self, prompt: &str) -> Response {
        self.chat(json!({"model": MODEL, "messages": [{"role": "user", "content": prompt}]}))
            .await
    }

    pub(crate) async fn stream(&self, prompt: &str) -> Response {
        self.chat(json!({
            "model": MODEL, "stream": true, "messages": [{"role": "user", "content": prompt}],
        }))
        .await
    }

    pub(crate) async fn ledger(&self) -> Vec<Value> {
        match self.get("/_stand-in/ledger").await {
            Value::Array(rows) => rows,
            other => panic!("{other}"),
        }
    }

    /// The last row of the ledger, as soon as `ready` holds for it.
    pub(crate) async fn settled(&self, ready: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..500 {
            if let Some(row) = self.ledger().await.pop().filter(&ready) {
                return row;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the ledger never showed it: {:?}", self.ledger().await);
    }
}

pub(crate) fn content(body: &Value) -> &str {
    body["choices"][0]["message"]["content"].as_str().unwrap()
}

/// A JSON number or string as the amount it says.
pub(crate) fn amount(value: &Value) -> Decimal {
    let text = value.to_string();
    let text = text.trim_matches('"');
    Decimal::from_str(text)
        .or_else(|_| Decimal::from_scientific(text))
        .unwrap()
}

/// The data of every event in a stream's text.
pub(crate) fn events(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

pub(crate) fn streamed_text(events: &[Value]) -> String {
    let deltas = events.iter();
    deltas
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect()
}
