//! A credential can get another name while its key stays as it is, and another key while its workflows run.

use end_to_end::{User, aws, item_key, list, node, table, text};
use futures_util::future::join_all;
use serde_json::{Value, json};
use steps_store::keys;

use super::{actions, delete, key_at};

/// A node that says hello.
fn hello() -> Value {
    json!([{"variableName": "x", "userPrompt": "hi"}])
}

#[tokio::test]
async fn a_rename_never_touches_the_key() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let before = user.get(&format!("/credentials/{id}")).await.body;
    let by_id = user
        .workflow(json!([{"variableName": "x", "userPrompt": "hi", "credential": id}]))
        .await;
    let by_name = user.workflow(hello()).await;
    let new_name = format!("{} renamed once", user.name);
    let path = format!("/credentials/{}", user.name);
    let renamed = user.put(&path, &json!({"name": new_name})).await;
    assert_eq!(renamed.status, 200, "{:?}", renamed.body);
    for kept in ["id", "lastFour", "createdAt", "lastCheck"] {
        assert_eq!(renamed.body[kept], before[kept], "{kept}");
    }
    assert_eq!(renamed.body["name"], new_name);
    let [warning] = list(&renamed.body["warnings"]) else {
        panic!("one warning: {:?}", renamed.body)
    };
    assert_eq!(warning["path"], format!("workflows/{by_name}"));
    assert!(text(&warning["message"]).contains(&new_name));
    assert_eq!(key_at(&id, "AWSCURRENT"), user.key);

    assert_eq!(user.get(&path).await.status, 404, "the old name");
    let encoded = new_name.replace(' ', "%20");
    let found = user.get(&format!("/credentials/{encoded}")).await;
    assert_eq!(found.body["id"], id);
    let refused = user.post(&format!("/hooks/{by_name}"), &json!({})).await;
    assert_eq!(refused.status, 404, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "CredentialNotFound");
    let by_new_name = user
        .workflow(json!([{"variableName": "x", "userPrompt": "hi", "credential": new_name}]))
        .await;
    for workflow in [by_id, by_new_name] {
        let run = user.trigger(&workflow, &json!({})).await;
        assert_eq!(user.ended(&run).await["status"], "SUCCEEDED");
    }
    // The ledger has the last four characters of the key that paid.
    assert_eq!(user.ledger().await.len(), 2, "paid with the same key");
    assert_eq!(actions(&user, &id).await, ["renamed", "created"]);
}

#[tokio::test]
async fn a_new_name_is_unique_too_and_the_old_one_is_free() {
    let (user, other) = (User::new("good"), User::new("good"));
    let id = user.store_credential().await;
    let other_id = other.store_credential().await;
    let path = format!("/credentials/{id}");
    let refused = user.put(&path, &json!({"name": other.name})).await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "NameTaken");
    let kept = user.get(&path).await.body;
    assert_eq!(kept["name"], user.name);

    // Two requests for the same name at once: one gets it.
    let wanted = format!("{}-wanted", user.name);
    let change = json!({"name": wanted});
    let answers = join_all(
        [&id, &other_id].map(async |id| user.put(&format!("/credentials/{id}"), &change).await),
    )
    .await;
    let mut statuses: Vec<u16> = answers.iter().map(|a| a.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{answers:?}");
    let listed = user.get("/credentials").await.body;
    let named = list(&listed["credentials"]).iter();
    assert_eq!(named.filter(|row| row["name"] == wanted).count(), 1);

    let freed = if answers[0].status == 200 {
        &user
    } else {
        &other
    };
    freed.store_credential().await;
}

#[tokio::test]
async fn a_key_is_replaced_once_openrouter_has_accepted_the_new_one() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}");
    for (kind, status, code) in [
        ("wrong", 422, "InvalidApiKey"),
        ("management", 400, "ManagementKey"),
    ] {
        let bad = User::new(kind);
        let refused = user
            .put(&path, &json!({"apiKey": bad.key, "name": bad.name}))
            .await;
        assert_eq!(refused.status, status, "{kind}: {:?}", refused.body);
        assert_eq!(refused.body["code"], code);
    }
    for body in [
        json!({"apiKey": "sk-proj-secret"}),
        json!({"apiKey": ""}),
        json!({"rotation": {"everyDays": 0}}),
        json!({"rotation": {"everyDays": 30, "at": "noon"}}),
        json!({"provider": "openrouter"}),
    ] {
        let refused = user.put(&path, &body).await;
        assert_eq!(refused.status, 400, "{body}: {:?}", refused.body);
    }
    let kept = user.get(&path).await.body;
    assert_eq!(
        (&kept["name"], &kept["revision"]),
        (&json!(user.name), &json!(1))
    );
    assert_eq!(key_at(&id, "AWSCURRENT"), user.key);

    let next = User::new("good");
    let replaced = user.put(&path, &json!({"apiKey": next.key})).await;
    assert_eq!(replaced.status, 200, "{:?}", replaced.body);
    assert_eq!(replaced.body["lastFour"], next.last_four());
    assert_eq!(replaced.body["name"], user.name);
    assert_eq!(key_at(&id, "AWSCURRENT"), next.key);
    assert_eq!(key_at(&id, "AWSPREVIOUS"), user.key);
    // The same key once more is no change.
    let again = user.put(&path, &json!({"apiKey": next.key})).await;
    assert_eq!(again.body["revision"], replaced.body["revision"]);
    let run = user.run(hello(), json!({})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(next.ledger().await.len(), 1, "the new key pays");
    assert_eq!(actions(&user, &id).await, ["keyReplaced", "created"]);
    assert_eq!(
        user.put("/credentials/nobody", &json!({})).await.status,
        404
    );
}

#[tokio::test]
async fn a_key_is_replaced_in_the_middle_of_a_run_and_no_node_fails() {
    let user = User::new("good");
    let id = user.store_credential().await;
    // The function is warm, and remembers the key, before the run that matters.
    let warm = user.run(hello(), json!({})).await;
    assert_eq!(warm["status"], "SUCCEEDED", "{warm:#}");
    let waits = "[[fault:rate-limit-own(retry_after=10)*1]]first";
    let workflow = user
        .workflow(json!([
            {"variableName": "first", "userPrompt": waits},
            {"variableName": "second", "userPrompt": "[[echo]]second"},
            {"variableName": "third", "userPrompt": "[[echo]]{{first.text}}, {{second.text}}, third"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.run_when(&run, |run| {
        node(run, "first")["status"] == "WAITING" && node(run, "second")["status"] == "SUCCEEDED"
    })
    .await;
    let paid_before = user.ledger().await.len();
    let next = User::new("good");
    let path = format!("/credentials/{id}");
    let replaced = user.put(&path, &json!({"apiKey": next.key})).await;
    assert_eq!(replaced.status, 200, "{:?}", replaced.body);
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    for row in list(&run["nodes"]) {
        assert_eq!(row["status"], "SUCCEEDED", "{row:#}");
        for attempt in list(&row["attempts"]) {
            assert_ne!(attempt["code"], "InvalidApiKey", "{row:#}");
        }
    }
    assert_eq!(
        user.ledger().await.len(),
        paid_before,
        "the old key pays no more"
    );
    assert_eq!(next.ledger().await.len(), 2, "the new key paid the rest");
}

#[tokio::test]
async fn of_several_keys_put_at_once_the_record_tells_the_current_one() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}");
    let keys: Vec<String> = (0..4).map(|_| User::new("good").key).collect();
    let puts = keys.iter().map(async |key| {
        let change = json!({ "apiKey": key });
        user.put(&path, &change).await
    });
    for answer in join_all(puts).await {
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }
    let current = key_at(&id, "AWSCURRENT");
    assert!(keys.contains(&current));
    let shown = user.get(&path).await.body;
    assert!(current.ends_with(&text(&shown["lastFour"])), "{shown:#}");
    assert_eq!(shown["revision"], 5, "no change is lost");
}

#[tokio::test]
async fn a_record_from_before_changes_were_counted_can_be_changed_too() {
    let user = User::new("good");
    let id = user.store_credential().await;
    aws_sdk_dynamodb::Client::new(&aws().await)
        .update_item()
        .table_name(table())
        .set_key(Some(item_key(keys::credential(&id))))
        .update_expression("REMOVE credential.revision")
        .send()
        .await
        .unwrap();
    let path = format!("/credentials/{id}");
    let old = user.get(&path).await.body;
    assert_eq!(old["revision"], 0);
    let name = format!("{}-x", user.name);
    let renamed = user.put(&path, &json!({"name": name})).await;
    assert_eq!(renamed.status, 200, "{:?}", renamed.body);
    assert_eq!(renamed.body["revision"], 1);
    assert_eq!(delete(&user, &name, false).await.status, 200);
}
