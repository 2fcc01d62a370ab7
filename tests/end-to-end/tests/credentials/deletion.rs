//! A credential that workflows use is not deleted by accident, and a deleted one can be restored.

use end_to_end::{User, aws, item_key, list, table, text};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use steps_store::keys;

use super::{actions, delete, described};

#[tokio::test]
async fn one_in_use_is_refused_with_the_workflows_that_use_it() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let by_name = user
        .workflow(json!([{"variableName": "x", "userPrompt": "hi"}]))
        .await;
    let by_id = user
        .workflow(json!([{"variableName": "x", "userPrompt": "hi", "credential": id}]))
        .await;
    let other = User::with_credential().await;
    let not_any_more = user
        .workflow(json!([{"variableName": "x", "userPrompt": "hi"}]))
        .await;
    let document = json!({"name": "moved", "nodes": [
        {"type": "openrouter", "variableName": "x", "userPrompt": "hi", "credential": other.name}]});
    let moved = user
        .put(&format!("/workflows/{not_any_more}"), &document)
        .await;
    assert_eq!(moved.status, 200, "{:?}", moved.body);

    for reference in [&id, &user.name] {
        let refused = delete(&user, reference, false).await;
        assert_eq!(refused.status, 409, "{:?}", refused.body);
        assert_eq!(refused.body["code"], "CredentialInUse");
        let mut users: Vec<String> = list(&refused.body["faults"])
            .iter()
            .map(|fault| text(&fault["path"]))
            .collect();
        users.sort_unstable();
        let mut want = [&by_name, &by_id].map(|id| format!("workflows/{id}"));
        want.sort_unstable();
        assert_eq!(users, want);
    }
    assert_eq!(user.get(&format!("/credentials/{id}")).await.status, 200);
    for workflow in [&by_name, &by_id] {
        let path = format!("/workflows/{workflow}");
        let gone = user.call(Method::DELETE, &path, None).await;
        assert_eq!(gone.status, 204, "{:?}", gone.body);
    }
    let deleted = delete(&user, &user.name, false).await;
    assert_eq!(deleted.status, 200, "nobody uses it: {:?}", deleted.body);
}

#[tokio::test]
async fn a_forced_deletion_can_be_undone_for_a_week() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}");
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": "hi"}]))
        .await;
    let deleted = delete(&user, &id, true).await;
    assert_eq!(deleted.status, 200, "{:?}", deleted.body);
    let until: Timestamp = text(&deleted.body["restorableUntil"]).parse().unwrap();
    let left = until.duration_since(Timestamp::now()).as_secs();
    assert!((604_700..=604_800).contains(&left), "a week: {left}");
    assert!(!described(&id)["DeletedDate"].is_null());
    let again = delete(&user, &id, false).await;
    assert_eq!(
        again.body["restorableUntil"],
        deleted.body["restorableUntil"]
    );

    // Nobody finds it.
    assert_eq!(user.get(&path).await.status, 404);
    assert_eq!(
        user.get(&format!("/credentials/{}", user.name))
            .await
            .status,
        404
    );
    let listed = async |query: &str| {
        let all = user.get(&format!("/credentials{query}")).await.body;
        list(&all["credentials"]).iter().any(|row| row["id"] == id)
    };
    assert!(!listed("").await);
    assert!(listed("?deleted=true").await);
    let refused = user.post(&format!("/hooks/{workflow}"), &json!({})).await;
    assert_eq!(
        refused.body["code"], "CredentialNotFound",
        "{:?}",
        refused.body
    );
    let document = json!({"name": "new", "nodes": [
        {"type": "openrouter", "variableName": "x", "userPrompt": "hi", "credential": id}]});
    let refused = user.put(&format!("/workflows/{workflow}"), &document).await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    let kept = aws_sdk_dynamodb::Client::new(&aws().await)
        .get_item()
        .table_name(table())
        .set_key(Some(item_key(keys::deleted_credential(&id))))
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    let expires: i64 = kept["expiresAt"].as_n().unwrap().parse().unwrap();
    assert_eq!(expires, until.as_second(), "its row goes with the secret");

    let restore = format!("{path}/restore");
    let restored = user.call(Method::POST, &restore, None).await;
    assert_eq!(restored.status, 200, "{:?}", restored.body);
    assert_eq!(restored.body["name"], user.name);
    assert!(described(&id)["DeletedDate"].is_null());
    assert!(!listed("?deleted=true").await);
    let twice = user.call(Method::POST, &restore, None).await;
    assert_eq!(twice.status, 404, "{:?}", twice.body);
    let run = user.trigger(&workflow, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "SUCCEEDED");
    assert_eq!(user.ledger().await.len(), 1, "paid with the same key");
    assert_eq!(
        actions(&user, &id).await,
        ["restored", "deleted", "created"]
    );
}

#[tokio::test]
async fn a_name_taken_meanwhile_needs_another_one() {
    let user = User::new("good");
    let id = user.store_credential().await;
    assert_eq!(delete(&user, &id, false).await.status, 200);
    assert_ne!(user.store_credential().await, id, "the name is free");
    let restore = format!("/credentials/{id}/restore");
    let refused = user.post(&restore, &json!({})).await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "NameTaken");
    assert!(!described(&id)["DeletedDate"].is_null(), "still deleted");
    let name = format!("{}-again", user.name);
    for bad in [json!({"name": ""}), json!({"nmae": name}), Value::Null] {
        let refused = user.post(&restore, &bad).await;
        assert_eq!(refused.status, 400, "{bad}: {:?}", refused.body);
    }
    let restored = user.post(&restore, &json!({"name": name})).await;
    assert_eq!(restored.status, 200, "{:?}", restored.body);
    assert_eq!(restored.body["id"], id);
    let found = user.get(&format!("/credentials/{name}")).await.body;
    assert!(found["key"].is_object(), "{found:#}");
    assert_eq!(
        user.post("/credentials/nobody/restore", &json!({}))
            .await
            .status,
        404
    );
}
