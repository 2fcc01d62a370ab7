//! Credentials of type `http`: stored, shown without their secret, changed, checked, deleted and restored as keys are.

use end_to_end::{User, aws_cli, list, text};
use serde_json::{Value, json};

use super::{actions, delete, secret};

const TOKEN: &str = "a-token-of-another-service-4711";

async fn store(user: &User, body: Value) -> Value {
    let mut body = body;
    body["name"] = json!(user.name);
    body["type"] = json!("http");
    let stored = user.post("/credentials", &body).await;
    assert_eq!(stored.status, 201, "{:?}", stored.body);
    stored.body
}

fn stored(id: &str) -> Value {
    let words = ["secretsmanager", "get-secret-value", "--secret-id"];
    let read = aws_cli(&[&words[..], &[&secret(id)]].concat());
    serde_json::from_str(&text(&read["SecretString"])).unwrap()
}

#[tokio::test]
async fn it_is_stored_shown_without_its_secret_and_listed() {
    let user = User::new("good");
    let http = json!({"auth": "bearer", "token": TOKEN});
    let stored = store(&user, json!({"http": http, "hosts": ["api.example.com"]})).await;
    assert_eq!(stored["type"], "http");
    assert_eq!(stored["auth"], "bearer");
    assert_eq!(stored["hosts"], json!(["api.example.com"]));
    assert_eq!(stored["lastFour"], "4711");
    assert!(!stored.to_string().contains(TOKEN));
    assert_eq!(
        self::stored(&text(&stored["id"])),
        json!({"type": "http", "auth": "bearer", "token": TOKEN, "hosts": ["api.example.com"]})
    );
    let got = user.get(&format!("/credentials/{}", user.name)).await;
    assert_eq!(got.status, 200, "{:?}", got.body);
    assert_eq!(got.body, stored, "there is nobody to be asked about it");
    let all = user.get("/credentials").await.body;
    assert!(list(&all["credentials"]).contains(&stored));
}

#[tokio::test]
async fn its_faults_are_told_all_at_once() {
    let user = User::new("good");
    for (body, paths) in [
        (json!({"type": "http"}), json!(["http"])),
        (
            json!({"type": "http", "apiKey": user.key, "maxCostUsdPerDay": "1",
                   "http": {"auth": "bearer", "token": ""}, "hosts": ["a b", "a.test,b.test"]}),
            json!([
                "apiKey",
                "maxCostUsdPerDay",
                "hosts[0]",
                "hosts[1]",
                "http.token"
            ]),
        ),
        (
            json!({"type": "http", "http": {"auth": "header", "name": "Host", "value": "a\nb"}}),
            json!(["http.value", "http.name"]),
        ),
        (
            json!({"apiKey": user.key, "http": {"auth": "bearer", "token": TOKEN}, "hosts": []}),
            json!(["http", "hosts"]),
        ),
        (json!({"type": "ftp", "apiKey": user.key}), json!(["type"])),
        (
            json!({"type": "http", "provider": "openrouter", "http": {"auth": "bearer", "token": TOKEN}}),
            json!(["provider"]),
        ),
        (json!({}), json!(["apiKey"])),
    ] {
        let mut body = body;
        body["name"] = json!(user.name);
        let refused = user.post("/credentials", &body).await;
        assert_eq!(refused.status, 400, "{:?}", refused.body);
        assert_eq!(refused.body["code"], "InvalidCredential");
        let told: Vec<_> = list(&refused.body["faults"])
            .iter()
            .map(|fault| &fault["path"])
            .collect();
        assert_eq!(json!(told), paths, "{:?}", refused.body);
        assert!(!refused.body.to_string().contains(TOKEN));
    }
}

#[tokio::test]
async fn it_is_changed_checked_deleted_and_restored_as_keys_are() {
    let user = User::new("good");
    let stored = store(&user, json!({"http": {"auth": "bearer", "token": TOKEN}})).await;
    let id = text(&stored["id"]);
    let path = format!("/credentials/{id}");

    let hosts = user
        .put(&path, &json!({"hosts": ["api.example.com:8443"]}))
        .await;
    assert_eq!(hosts.status, 200, "{:?}", hosts.body);
    assert_eq!(hosts.body["hosts"], json!(["api.example.com:8443"]));
    assert_eq!(self::stored(&id)["token"], TOKEN);

    let basic = json!({"auth": "basic", "username": "u", "password": "short"});
    let replaced = user.put(&path, &json!({"http": basic})).await;
    assert_eq!(replaced.body["auth"], "basic", "{:?}", replaced.body);
    assert_eq!(
        replaced.body["lastFour"], "",
        "too short to show a part of it"
    );
    assert_eq!(
        replaced.body["hosts"],
        json!(["api.example.com:8443"]),
        "they stay"
    );
    assert_eq!(self::stored(&id)["password"], "short");

    let checked = user.post(&format!("{path}/check"), &json!({})).await;
    assert_eq!(
        checked.body["lastCheck"]["valid"], true,
        "{:?}",
        checked.body
    );
    for (path, body, field) in [
        (path.clone(), json!({"apiKey": user.key}), "apiKey"),
        (
            path.clone(),
            json!({"rotation": {"everyDays": 30}}),
            "rotation",
        ),
        (
            path.clone(),
            json!({"maxCostUsdPerDay": "1"}),
            "maxCostUsdPerDay",
        ),
    ] {
        let refused = user.put(&path, &body).await;
        assert_eq!(refused.status, 400, "{:?}", refused.body);
        assert_eq!(refused.body["faults"][0]["path"], field);
    }
    let refused = user.post(&format!("{path}/rotate"), &json!({})).await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "CredentialOfOtherType");

    let node = json!({"type": "http", "variableName": "x", "url": "https://example.com/", "credential": user.name});
    user.workflow(json!([node])).await;
    let in_use = delete(&user, &id, false).await;
    assert_eq!(in_use.status, 409, "{:?}", in_use.body);
    assert_eq!(in_use.body["code"], "CredentialInUse");
    let deleted = delete(&user, &id, true).await;
    assert_eq!(deleted.status, 200, "{:?}", deleted.body);
    let restored = user.post(&format!("{path}/restore"), &json!({})).await;
    assert_eq!(restored.status, 200, "{:?}", restored.body);
    assert_eq!(restored.body["auth"], "basic");
    let actions = actions(&user, &id).await;
    for action in ["created", "keyReplaced", "checked", "deleted", "restored"] {
        assert!(actions.iter().any(|known| known == action), "{actions:?}");
    }
}

#[tokio::test]
async fn a_node_that_names_a_credential_of_another_type_is_told_so() {
    let user = User::with_credential().await;
    let other = User::new("good");
    store(&other, json!({"http": {"auth": "bearer", "token": TOKEN}})).await;
    for node in [
        json!({"type": "openrouter", "credential": other.name, "userPrompt": "hi", "variableName": "x"}),
        json!({"type": "http", "credential": user.name, "url": "http://localhost:1/", "variableName": "x"}),
    ] {
        let put = user
            .put(
                &format!("/workflows/{}-types", user.name),
                &json!({"name": "x", "nodes": [node]}),
            )
            .await;
        assert_eq!(put.status, 422, "{:?}", put.body);
        assert_eq!(put.body["faults"][0]["path"], "nodes[0].credential");
    }
}
