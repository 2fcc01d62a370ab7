//! Keys: their states, limits and management.

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

const MANAGEMENT: &str = "sk-or-v1-management-of-the-account";

async fn manage(desk: &Desk, method: &str, path: &str, body: Value) -> (u16, Value) {
    let method = method.parse().unwrap();
    let url = format!("{}/api/v1{path}", desk.origin);
    let request = desk.client.request(method, url).bearer_auth(MANAGEMENT);
    let answer = request.json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_management_key_makes_keys_and_disables_them() {
    let desk = Desk::open().await;
    let wanted = json!({"name": "next", "limit": 2.5, "limit_reset": "daily"});
    let (status, made) = manage(&desk, "POST", "/keys", wanted).await;
    assert_eq!(status, 201, "{made}");
    let key = made["key"].as_str().unwrap();
    let hash = made["data"]["hash"].as_str().unwrap();
    assert_eq!(made["data"]["limit"], 2.5);
    assert_eq!(chat_status(&desk, key).await.0, 200);
    let own = desk.get_with("/api/v1/key", key).await;
    let own: Value = own.json().await.unwrap();
    assert_eq!(own["data"]["limit_reset"], "daily");
    assert_eq!(own["data"]["label"], made["data"]["label"]);

    let one = format!("/keys/{hash}");
    let (status, changed) = manage(&desk, "PATCH", &one, json!({"disabled": true})).await;
    assert_eq!((status, &changed["data"]["disabled"]), (200, &json!(true)));
    let (status, refused) = chat_status(&desk, key).await;
    assert_eq!(status, 401);
    assert_eq!(refused["error"]["message"], "User not found.");
    let (_, listed) = manage(&desk, "GET", "/keys", json!({})).await;
    assert!(
        !listed.to_string().contains(hash),
        "only with include_disabled"
    );
    let (_, listed) = manage(&desk, "GET", "/keys?include_disabled=true", json!({})).await;
    assert_eq!(listed["data"][0]["hash"], hash);
    assert!(!listed.to_string().contains(key));

    assert_eq!(
        manage(&desk, "DELETE", &one, json!({})).await.1["deleted"],
        true
    );
    assert_eq!(manage(&desk, "GET", &one, json!({})).await.0, 404);
    assert_eq!(manage(&desk, "POST", "/keys", json!({})).await.0, 400);
}

#[tokio::test]
async fn the_list_has_pages_and_is_for_management_keys_only() {
    let desk = Desk::open().await;
    for _ in 0..120 {
        manage(&desk, "POST", "/keys", json!({"name": "one of many"})).await;
    }
    let mut seen = 0;
    loop {
        let path = format!("/keys?offset={seen}");
        let (_, page) = manage(&desk, "GET", &path, json!({})).await;
        let rows = page["data"].as_array().unwrap().len();
        assert!(rows <= 100);
        if rows == 0 {
            break;
        }
        seen += rows;
    }
    assert_eq!(seen, 121, "the management key is one of them");
    let refused = desk.get_with("/api/v1/keys", KEY).await;
    assert_eq!(refused.status(), 403);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(
        refused["error"]["message"],
        "Only management keys can perform this operation"
    );
}
