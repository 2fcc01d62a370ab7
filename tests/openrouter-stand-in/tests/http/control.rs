//! The control routes: what a test can read there, and what it can set.

use serde_json::{Value, json};

use crate::desk::{Desk, KEY, MODEL};

#[tokio::test]
async fn calls_and_ledger_tell_what_happened() {
    let desk = Desk::open().await;
    let request = desk
        .client
        .post(format!("{}/api/v1/chat/completions", desk.origin));
    request
        .bearer_auth(KEY)
        .header("http-referer", "https://example.com")
        .header("x-openrouter-title", "Steps")
        .json(&json!({"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}))
        .send()
        .await
        .unwrap();
    desk.say("[[fault:provider-502]]").await;
    let calls = desk.get("/_stand-in/calls").await;
    assert_eq!((&calls["chat"], &calls["paid"]), (&2.into(), &1.into()));
    assert_eq!(calls["byModel"][MODEL], 2);
    assert_eq!(calls["byFault"]["provider-502"], 1);
    let ledger = desk.ledger().await;
    assert_eq!(ledger.len(), 1);
    let row = &ledger[0];
    assert_eq!(row["key"], "7890");
    assert_eq!(row["title"], "Steps");
    assert_eq!(row["httpReferer"], "https://example.com");
    assert_eq!(
        row["promptSha256"],
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
    let response = desk.get_with("/_stand-in/requests?last=2", KEY).await;
    let text = response.text().await.unwrap();
    assert!(!text.contains(KEY));
    let requests: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(requests[0]["body"]["messages"][0]["content"], "hello");
    assert_eq!(requests[0]["headers"]["x-openrouter-title"], "Steps");
    assert_eq!(desk.post("/_stand-in/reset", json!({})).await.status(), 204);
    assert!(desk.ledger().await.is_empty());
    assert_eq!(desk.get("/_stand-in/calls").await["chat"], 0);
}

#[tokio::test]
async fn the_service_can_be_away() {
    let desk = Desk::open().await;
    desk.post("/_stand-in/away", json!({"away": true})).await;
    for path in ["/api/v1/models", "/api/v1/key"] {
        let response = desk.get_with(path, KEY).await;
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key("retry-after"));
    }
    assert_eq!(desk.say("hi").await.status(), 503);
    desk.post("/_stand-in/away", json!({"away": false})).await;
    assert_eq!(desk.say("hi").await.status(), 200);
}

#[tokio::test]
async fn the_wait_for_a_generation_can_be_set() {
    let desk = Desk::open().await;
    desk.post("/_stand-in/generation", json!({"misses": 0}))
        .await;
    let body: Value = desk.say("hi").await.json().await.unwrap();
    let path = format!("/api/v1/generation?id={}", body["id"].as_str().unwrap());
    assert_eq!(desk.get_with(&path, KEY).await.status(), 200);
}
