use serde_json::{Value, json};

use crate::desk::{Desk, KEY, MODEL};

async fn chat_status(desk: &Desk, key: &str) -> (u16, Value) {
    let request = desk
        .client
        .post(format!("{}/api/v1/chat/completions", desk.origin));
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let response = request.bearer_auth(key).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_text_of_a_key_decides() {
    let desk = Desk::open().await;
    for (key, at_key, at_chat) in [
        (KEY, 200, 200),
        ("sk-or-v1-wrong", 401, 401),
        ("sk-something-else", 401, 401),
        ("sk-or-v1-nocredits", 200, 402),
        ("sk-or-v1-limited", 200, 403),
        ("sk-or-v1-unlimited", 200, 200),
        ("sk-or-v1-management", 200, 403),
    ] {
        let response = desk.get_with("/api/v1/key", key).await;
        assert_eq!(response.status(), at_key, "{key}");
        assert_eq!(chat_status(&desk, key).await.0, at_chat, "{key}");
    }
    let (_, refused) = chat_status(&desk, "sk-or-v1-nocredits").await;
    assert_eq!(
        refused["error"]["metadata"]["limit_source"],
        "openrouter_credits"
    );
    let (_, refused) = chat_status(&desk, "sk-or-v1-wrong").await;
    assert_eq!(refused["error"]["message"], "User not found.");
}

#[tokio::test]
async fn a_missing_key_is_told() {
    let desk = Desk::open().await;
    let response = desk.client.get(format!("{}/api/v1/key", desk.origin));
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), 401);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["message"], "No auth credentials found");
}

#[tokio::test]
async fn the_key_shows_its_limits() {
    let desk = Desk::open().await;
    let response = desk.get_with("/api/v1/key", KEY).await;
    assert_eq!(response.headers()["cache-control"], "private, no-store");
    let text = response.text().await.unwrap();
    assert!(!text.contains(KEY));
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["data"]["label"], "sk-or-v1-abc...890");
    assert_eq!(body["data"]["limit"], 25);
    let body = desk.get_with("/api/v1/key", "sk-or-v1-unlimited").await;
    let body: Value = body.json().await.unwrap();
    assert_eq!(body["data"]["limit"], Value::Null);
    let body = desk.get_with("/api/v1/key", "sk-or-v1-management").await;
    let body: Value = body.json().await.unwrap();
    assert_eq!(body["data"]["is_management_key"], true);
}

#[tokio::test]
async fn a_key_can_be_revoked_and_reinstated() {
    let desk = Desk::open().await;
    for (state, status) in [
        ("revoked", 401),
        ("nocredits", 402),
        ("limited", 403),
        ("good", 200),
    ] {
        let change = json!({"key": KEY, "state": state});
        let answer = desk.post("/_stand-in/keys", change).await;
        assert_eq!(answer.status(), 204);
        assert_eq!(chat_status(&desk, KEY).await.0, status, "{state}");
    }
}
