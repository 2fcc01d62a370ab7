//! A key is sent once and checked. From then on only its last four characters are shown.

mod audit;
mod changes;
mod deletion;
mod http;
mod rotation;
mod shown;

use std::time::{Duration, Instant};

use end_to_end::{Answer, User, aws_cli, list, text};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

/// The actions of a credential's audit, the newest first.
async fn actions(user: &User, id: &str) -> Vec<String> {
    let audit = user.get(&format!("/credentials/{id}/audit")).await;
    assert_eq!(audit.status, 200, "{:?}", audit.body);
    let rows = list(&audit.body["audit"]).iter();
    rows.map(|row| text(&row["action"])).collect()
}

/// DELETE, with or without force.
async fn delete(user: &User, id: &str, force: bool) -> Answer {
    let path = format!("/credentials/{id}?force={force}");
    user.call(Method::DELETE, &path, None).await
}

/// The name of a credential's secret.
fn secret(id: &str) -> String {
    format!("openrouter-steps/credentials/{id}")
}

/// What Secrets Manager knows of a credential's secret.
fn described(id: &str) -> Value {
    aws_cli(&[
        "secretsmanager",
        "describe-secret",
        "--secret-id",
        &secret(id),
    ])
}

/// The key that Secrets Manager holds at this stage.
fn key_at(id: &str, stage: &str) -> String {
    let words = [
        "secretsmanager",
        "get-secret-value",
        "--version-stage",
        stage,
    ];
    let value = aws_cli(&[&words[..], &["--secret-id", &secret(id)]].concat());
    let stored: Value = serde_json::from_str(&text(&value["SecretString"])).expect("JSON");
    text(&stored["apiKey"])
}

/// The management key that the local stack rotates with.
fn management_key() -> String {
    let words = ["secretsmanager", "get-secret-value", "--secret-id"];
    let value = aws_cli(&[&words[..], &["openrouter-steps-management-key"]].concat());
    text(&value["SecretString"])
}

/// The account's keys at the stand-in.
async fn account_keys(user: &User) -> Vec<Value> {
    let management = management_key();
    let mut keys = Vec::new();
    loop {
        let path = format!("/keys?include_disabled=true&offset={}", keys.len());
        let page = user.ask_openrouter(&management, &path).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        let rows = list(&page.body["data"]);
        if rows.is_empty() {
            return keys;
        }
        keys.extend(rows.to_vec());
    }
}

/// The credential, as soon as `condition` holds for it.
async fn when(user: &User, id: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let shown = user.get(&format!("/credentials/{id}")).await;
        if condition(&shown.body) {
            return shown.body;
        }
        assert!(began.elapsed().as_secs() < 60, "still: {:#}", shown.body);
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_credential_is_stored_listed_and_never_shown() {
    let user = User::new("good");
    let body = json!({"name": user.name, "provider": "openrouter", "apiKey": user.key});
    let created = user.post("/credentials", &body).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    assert_eq!(created.body["lastFour"], json!(user.last_four()));
    assert_eq!(created.body["provider"], "openrouter");
    assert_eq!(created.body["lastCheck"]["valid"], true);
    assert!(!created.body.to_string().contains(&user.key));

    let listed = user.get("/credentials").await;
    let row = list(&listed.body["credentials"])
        .iter()
        .find(|row| row["name"] == user.name)
        .expect("the new credential is listed at once");
    assert_eq!(row, &created.body);
    let one = user
        .get(&format!("/credentials/{}", text(&created.body["id"])))
        .await;
    let Value::Object(mut one) = one.body else {
        panic!("an object")
    };
    assert!(one.remove("key").is_some());
    assert_eq!(Value::Object(one), created.body);
}

#[tokio::test]
async fn a_key_that_does_not_look_like_one_is_refused_without_asking() {
    let user = User::new("good");
    let body = json!({"name": "", "provider": "openai", "apiKey": "sk-proj-secret"});
    let refused = user.post("/credentials", &body).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.content_type, "application/problem+json");
    assert_eq!(refused.body["code"], "InvalidCredential");
    let paths: Vec<_> = list(&refused.body["faults"])
        .iter()
        .map(|fault| text(&fault["path"]))
        .collect();
    assert_eq!(paths, ["name", "provider", "apiKey"]);
    assert!(!refused.body.to_string().contains("sk-proj-secret"));
}

#[tokio::test]
async fn a_key_that_openrouter_refuses_is_not_stored() {
    let user = User::new("wrong");
    let body = json!({"name": user.name, "apiKey": user.key});
    let refused = user.post("/credentials", &body).await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "InvalidApiKey");
    assert_eq!(refused.body["title"], "Invalid API Key");
    let listed = user.get("/credentials").await;
    assert!(
        list(&listed.body["credentials"])
            .iter()
            .all(|row| row["name"] != user.name)
    );
}

#[tokio::test]
async fn a_management_key_is_refused() {
    let user = User::new("management");
    let body = json!({"name": user.name, "apiKey": user.key});
    let refused = user.post("/credentials", &body).await;
    assert_eq!(refused.status, 400, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "ManagementKey");
}

#[tokio::test]
async fn names_are_unique() {
    let user = User::with_credential().await;
    let body = json!({"name": user.name, "apiKey": user.key});
    let refused = user.post("/credentials", &body).await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "NameTaken");
    let body = json!({"name": "019ab000-0000-7000-8000-000000000000", "apiKey": user.key});
    let refused = user.post("/credentials", &body).await;
    assert_eq!(refused.status, 400, "a name that looks like an id");
    assert_eq!(refused.body["faults"][0]["path"], "name");
}

#[tokio::test]
async fn a_check_tells_a_revoked_key() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}/check");
    assert_eq!(
        user.post(&path, &json!({})).await.body["lastCheck"]["valid"],
        true
    );
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let checked = user.post(&path, &json!({})).await;
    assert_eq!(
        checked.body["lastCheck"]["valid"], false,
        "{:?}",
        checked.body
    );
    assert_eq!(checked.body["lastCheck"]["code"], "InvalidApiKey");
    let read = user.get(&format!("/credentials/{id}")).await;
    assert_eq!(read.body["lastCheck"], checked.body["lastCheck"]);
}
