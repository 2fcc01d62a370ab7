//! A webhook accepts a sender who proves itself, starts one run for one delivery, and its caller is told of the end.

mod bodies;
mod callbacks;
mod deliveries;
mod identities;
mod management;
mod modes;
mod senders;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use end_to_end::{Answer, User, text};
use jiff::Timestamp;
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde_json::{Value, json};
use uuid::Uuid;

/// Headers of a request.
type Headers = Vec<(String, String)>;

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

/// A new id of an event.
fn event_id() -> String {
    format!("evt_{}", Uuid::now_v7().simple())
}

/// HMAC-SHA256, written again here so that the tests do not trust the code that they test.
fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), message).as_ref().to_vec()
}

/// The headers of a Standard Webhooks delivery.
fn standard(secret: &str, id: &str, time: i64, body: &[u8]) -> Headers {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap_or(secret))
        .expect("a Standard Webhooks secret");
    let message = [format!("{id}.{time}.").as_bytes(), body].concat();
    let signature = format!("v1,{}", STANDARD.encode(mac(&key, &message)));
    headers(&[
        ("webhook-id", id),
        ("webhook-timestamp", &time.to_string()),
        ("webhook-signature", &signature),
        ("content-type", "application/json"),
    ])
}

/// The headers that a sender of this mode sends.
fn signed(mode: &str, secret: &str, id: &str, time: i64, body: &[u8]) -> Headers {
    let json = ("content-type", "application/json");
    match mode {
        "standard" => standard(secret, id, time, body),
        "github" => {
            let signature = format!("sha256={}", hex::encode(mac(secret.as_bytes(), body)));
            headers(&[
                ("X-Hub-Signature-256", &signature),
                ("X-GitHub-Delivery", id),
                ("X-GitHub-Event", "push"),
                json,
            ])
        }
        "stripe" => {
            let message = [format!("{time}.").as_bytes(), body].concat();
            let code = hex::encode(mac(secret.as_bytes(), &message));
            headers(&[("Stripe-Signature", &format!("t={time},v1={code}")), json])
        }
        "svix" => standard(secret, id, time, body)
            .into_iter()
            .map(|(name, value)| (name.replace("webhook-", "svix-"), value))
            .collect(),
        "slack" => {
            let message = [format!("v0:{time}:").as_bytes(), body].concat();
            let code = hex::encode(mac(secret.as_bytes(), &message));
            headers(&[
                ("X-Slack-Signature", &format!("v0={code}")),
                ("X-Slack-Request-Timestamp", &time.to_string()),
                json,
            ])
        }
        "hmac" => headers(&[
            (
                "X-Shopify-Hmac-Sha256",
                &STANDARD.encode(mac(secret.as_bytes(), body)),
            ),
            ("X-Shopify-Webhook-Id", id),
            json,
        ]),
        "bearer" => headers(&[
            ("Authorization", &format!("Bearer {secret}")),
            ("Idempotency-Key", id),
            json,
        ]),
        _ => headers(&[("Idempotency-Key", id), json]),
    }
}

/// A workflow with a webhook.
struct Hook<'u> {
    user: &'u User,
    workflow: String,
    path: String,
    secret: String,
}

impl<'u> Hook<'u> {
    /// One whose node echoes the prompt.
    async fn new(user: &'u User, mode: &str, prompt: &str) -> Self {
        let nodes = json!([{"variableName": "x", "userPrompt": format!("[[echo]]{prompt}")}]);
        let workflow = user.workflow(nodes).await;
        Self::of(user, mode, workflow).await
    }

    async fn of(user: &'u User, mode: &str, workflow: String) -> Self {
        let mut body = json!({"mode": if mode == "svix" { "standard" } else { mode }});
        let brought = "whsec_brought_along_from_its_maker";
        if mode == "stripe" || mode == "slack" {
            body["secret"] = json!(brought);
        }
        if mode == "hmac" {
            body["hmac"] = json!({
                "header": "X-Shopify-Hmac-Sha256",
                "encoding": "base64",
                "idHeader": "X-Shopify-Webhook-Id",
            });
        }
        let path = format!("/workflows/{workflow}/webhooks/door");
        let put = user.put(&path, &body).await;
        assert_eq!(put.status, 201, "{:?}", put.body);
        let secret = match mode {
            "none" => String::new(),
            "stripe" | "slack" => brought.to_owned(),
            _ => text(&put.body["secret"]),
        };
        Self {
            user,
            path: format!("/hooks/{workflow}/door"),
            workflow,
            secret,
        }
    }

    async fn deliver(&self, headers: &Headers, body: &[u8]) -> Answer {
        self.user.deliver(&self.path, headers, body).await
    }

    async fn started_nothing(&self) {
        let runs = self.user.runs_of(&self.workflow).await;
        assert!(runs.is_empty(), "{runs:?}");
        assert!(self.user.ledger().await.is_empty(), "something was paid");
    }
}

/// What the run's one node echoed, as JSON.
fn echoed(run: &Value) -> Value {
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    serde_json::from_str(&text(&run["output"]["x"]["text"])).expect("the echo is JSON")
}
