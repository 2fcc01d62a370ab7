//! Variables of the deployment: one document serves test and live. A run sees the values of its start.

use end_to_end::{User, list, node, text};
use reqwest::Method;
use serde_json::{Value, json};

/// A name of a variable that no other test has.
fn name(user: &User, of: &str) -> String {
    format!("{of}_{}", user.name.replace('-', "_"))
}

async fn set(user: &User, name: &str, value: &Value) -> u16 {
    let set = user
        .put(&format!("/vars/{name}"), &json!({ "value": value }))
        .await;
    assert!(set.status.is_success(), "{:?}", set.body);
    assert_eq!(set.body["value"], *value);
    set.status.as_u16()
}

/// A workflow that says what it sees of a variable.
fn says(name: &str) -> Value {
    json!({"type": "set", "variableName": "said", "value": format!("{{{{vars.{name}}}}}")})
}

#[tokio::test]
async fn a_variable_is_set_listed_changed_and_deleted_by_whom_the_scope_allows() {
    let user = User::new("good");
    let name = name(&user, "team");
    let path = format!("/vars/{name}");
    assert_eq!(user.get(&path).await.body["code"], "VarNotFound");
    assert_eq!(
        set(&user, &name, &json!({"mail": "a@example.com"})).await,
        201
    );
    assert_eq!(set(&user, &name, &json!([1, null])).await, 200);
    let (reader, _) = user.with_scopes(&["read", "run"]).await;
    let read = reader.get(&path).await;
    assert_eq!(read.body["value"], json!([1, null]), "{:?}", read.body);
    assert!(read.body["changedAt"].is_string());
    let all = reader.get("/vars").await;
    let found = list(&all.body["vars"]).contains(&read.body);
    assert!(found, "{:?}", all.body);
    let refused = reader.put(&path, &json!({"value": 1})).await;
    assert_eq!(refused.status, 403, "{:?}", refused.body);

    let key = user.key.clone();
    for (path, body) in [
        ("/vars/a-b", json!({"value": 1})),
        (path.as_str(), json!({"value": "x".repeat(5000)})),
        (path.as_str(), json!({ "value": key })),
        (path.as_str(), json!({})),
    ] {
        let refused = user.put(path, &body).await;
        assert_eq!(refused.status, 400, "{path} {body}: {:?}", refused.body);
        assert!(!refused.body.to_string().contains(&key));
    }
    let gone = user.call(Method::DELETE, &path, None).await;
    assert_eq!(gone.status, 204, "{:?}", gone.body);
    let gone = user.call(Method::DELETE, &path, None).await;
    assert_eq!(gone.status, 404, "{:?}", gone.body);
}

#[tokio::test]
async fn a_run_sees_the_values_of_its_start_also_after_a_resume_and_a_repeat_sees_those_of_its_own()
{
    let user = User::with_credential().await;
    let name = name(&user, "url");
    set(&user, &name, &json!("test")).await;
    let wait = format!("[[fault:no-credits*1]] {}", user.name);
    let workflow = user
        .workflow(json!([
            {"variableName": "first", "userPrompt": wait},
            {"type": "set", "variableName": "said", "value": format!("{{{{vars.{name}}}}} {{{{len first.text}}}}")},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "InsufficientCredits", "{failed:#}");
    set(&user, &name, &json!("live")).await;
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let ended = user.ended(&run).await;
    let said = text(&node(&ended, "said")["output"]);
    assert!(said.starts_with("test "), "{said}");
    let again = user.post(&format!("/runs/{run}/rerun"), &json!({})).await;
    let ended = user.ended(&text(&again.body["id"])).await;
    let said = text(&node(&ended, "said")["output"]);
    assert!(said.starts_with("live "), "{said}");
    user.call(Method::DELETE, &format!("/vars/{name}"), None)
        .await;
}

#[tokio::test]
async fn each_door_starts_with_the_values_and_what_is_not_set_is_warned_of_and_fails_the_run_that_needs_it()
 {
    let user = User::new("good");
    let name = name(&user, "place");
    let id = user.name.clone();
    let at = format!("/workflows/{id}");
    let document = json!({"name": "vars", "nodes": [says(&name)]});
    let put = user.put(&at, &document).await;
    let warning = &put.body["warnings"][0];
    assert_eq!(warning["path"], "nodes[0].value", "{:?}", put.body);
    assert!(
        text(&warning["message"]).contains(&format!("PUT /vars/{name}")),
        "{warning}"
    );
    let hook = user
        .put(&format!("{at}/webhooks/door"), &json!({"mode": "none"}))
        .await;
    assert_eq!(hook.status, 201, "{:?}", hook.body);

    let run = user.trigger(&id, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "VarNotSet", "{failed:#}");
    assert_eq!(failed["error"]["node"], "said");
    assert_eq!(failed["warnings"][0]["path"], "nodes[0].value");

    // A field of the input by that name is hidden: whoever sends an input cannot choose the deployment's values.
    set(&user, &name, &json!("here")).await;
    let put = user.put(&at, &document).await;
    assert_eq!(put.body["warnings"], json!([]), "{:?}", put.body);
    let sent = format!(r#"{{"vars": {{"{name}": "sent"}}}}"#);
    let delivered = user
        .deliver(&format!("/hooks/{id}/door?wait=25"), &[], sent.as_bytes())
        .await;
    assert_eq!(delivered.status, 200, "{:?}", delivered.body);
    assert_eq!(
        delivered.body["output"]["said"], "here",
        "{:?}",
        delivered.body
    );

    // So does a start by a failure of another workflow.
    let failing = user
        .workflow_with(json!({
            "onFailure": {"workflow": id},
            "nodes": [{"type": "set", "variableName": "x", "value": "{{nothing}}"}],
        }))
        .await;
    let before = user.runs_of(&id).await.len();
    let run = user.trigger(&failing, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "FAILED");
    let heard = loop {
        let runs = user.runs_of(&id).await;
        if runs.len() > before {
            break text(&runs[0]["id"]);
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert_eq!(node(&user.ended(&heard).await, "said")["output"], "here");
    user.call(Method::DELETE, &format!("/vars/{name}"), None)
        .await;
}

#[tokio::test]
async fn a_preview_sees_the_values_that_a_run_would_see_or_those_of_the_run_that_it_is_of() {
    let user = User::with_credential().await;
    let name = name(&user, "tone");
    set(&user, &name, &json!("kind")).await;
    let workflow = user.workflow(json!([says(&name)])).await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.ended(&run).await;
    set(&user, &name, &json!("dry")).await;
    for (body, seen) in [
        (json!({"workflowId": workflow, "node": "said"}), "dry"),
        (json!({"runId": run, "node": "said"}), "kind"),
    ] {
        let preview = user.post("/workflows/preview", &body).await;
        assert_eq!(preview.status, 200, "{:?}", preview.body);
        assert_eq!(preview.body["sends"]["value"], seen, "{:?}", preview.body);
    }
    user.call(Method::DELETE, &format!("/vars/{name}"), None)
        .await;
}
