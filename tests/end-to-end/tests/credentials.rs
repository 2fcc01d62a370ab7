//! A key comes in once, checked, and is known by its last four characters from then on.

use end_to_end::{User, list, text};
use reqwest::Method;
use serde_json::json;

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
    assert_eq!(one.body, created.body);
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

#[tokio::test]
async fn a_deleted_credential_is_gone_and_its_name_free() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}");
    assert_eq!(user.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(user.get(&path).await.status, 404);
    assert_ne!(user.store_credential().await, id);
}
