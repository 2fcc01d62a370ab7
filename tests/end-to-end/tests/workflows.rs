//! A document is stored when it has no fault at all, and every fault is told at once.

use end_to_end::{User, list, text};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn every_fault_is_told_at_once_with_its_place() {
    let user = User::with_credential().await;
    let document = json!({
        "name": "broken",
        "nodes": [
            {"type": "openrouter", "variableName": "a", "credential": user.name, "userPrompt": "{{b.text}}"},
            {"type": "openrouter", "variableName": "b", "credential": user.name, "userPrompt": "{{a.text}}"},
            {"type": "openrouter", "variableName": "b", "credential": user.name, "userPrompt": "line\n{{#if}}"},
            {"type": "openrouter", "variableName": "9x", "credential": user.name},
            {"type": "slack", "variableName": "h"},
        ],
    });
    let path = format!("/workflows/{}-broken", user.name);
    let refused = user.put(&path, &document).await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "InvalidWorkflow");
    let faults: Vec<_> = list(&refused.body["faults"])
        .iter()
        .map(|fault| format!("{} {}", text(&fault["path"]), text(&fault["message"])))
        .collect();
    for expected in [
        "a -> b",
        "nodes[2].variableName",
        "nodes[2].userPrompt",
        "nodes[3].variableName",
        "nodes[3].userPrompt",
        "nodes[4].type",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(expected)),
            "{expected} in {faults:#?}"
        );
    }
    let template = list(&refused.body["faults"])
        .iter()
        .find(|fault| fault["path"] == "nodes[2].userPrompt")
        .unwrap();
    assert_eq!(template["line"], 2);
    assert_eq!(user.get(&path).await.status, 404, "nothing was stored");
}

#[tokio::test]
async fn an_unknown_credential_is_refused_with_the_nearest_names() {
    let user = User::with_credential().await;
    let document = json!({"name": "w", "nodes": [
        {"type": "openrouter", "variableName": "a", "credential": format!("{}x", user.name), "userPrompt": "hi"}]});
    let refused = user
        .put(&format!("/workflows/{}", user.name), &document)
        .await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["faults"][0]["path"], "nodes[0].credential");
    assert!(text(&refused.body["faults"][0]["message"]).contains(&user.name));
}

#[tokio::test]
async fn yaml_and_json_are_taken_and_every_put_is_a_version() {
    let user = User::with_credential().await;
    let path = format!("/workflows/{}", user.name);
    let yaml = format!(
        "name: From YAML\nnodes:\n  - type: openrouter\n    variableName: x\n    credential: {}\n    userPrompt: \"Hi {{{{name}}}}\"\n",
        user.name
    );
    let first = user.put_text(&path, "application/yaml", &yaml).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    assert_eq!(first.body["version"], 1);
    let node = &first.body["workflow"]["nodes"][0];
    assert_eq!(node["id"], "x", "the id defaults to the variable's name");
    assert_eq!(node["model"], "openai/gpt-4o-mini", "the default model");
    let second = user
        .put_text(&path, "", &yaml.replace("From YAML", "Again"))
        .await;
    assert_eq!(second.status, 200, "{:?}", second.body);
    assert_eq!(second.body["version"], 2);
    assert_eq!(user.get(&path).await.body["workflow"]["name"], "Again");
    let old = user.get(&format!("{path}?version=1")).await;
    assert_eq!(old.body["workflow"]["name"], "From YAML");

    let mut listed = Vec::new();
    let mut next = Some("/workflows?limit=100".to_owned());
    while let Some(page) = next {
        let page = user.get(&page).await.body;
        listed.extend_from_slice(list(&page["workflows"]));
        next = page["cursor"]
            .as_str()
            .map(|cursor| format!("/workflows?limit=100&cursor={cursor}"));
    }
    let row = listed.iter().find(|row| row["id"] == user.name);
    assert_eq!(row.expect("it is listed")["version"], 2);
    assert_eq!(user.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(user.get(&path).await.status, 404);
    assert_eq!(user.call(Method::DELETE, &path, None).await.status, 404);
    assert_eq!(
        user.post(&format!("/hooks/{}", user.name), &json!({}))
            .await
            .status,
        404
    );
    let third = user.put_text(&path, "application/yaml", &yaml).await;
    assert_eq!(third.body["version"], 3, "a version is never written twice");
}

#[tokio::test]
async fn a_declared_input_is_checked_before_anything_is_paid() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({
            "input": {"type": "object", "required": ["topic"], "properties": {"topic": {"type": "string"}}},
            "nodes": [{"variableName": "x", "userPrompt": "{{topic}}"}],
        }))
        .await;
    let refused = user
        .post(&format!("/hooks/{workflow}"), &json!({"topic": 7}))
        .await;
    assert_eq!(refused.status, 400, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "InvalidInput");
    assert!(text(&refused.body["faults"][0]["path"]).contains("topic"));
    let refused = user.post(&format!("/hooks/{workflow}"), &json!([1])).await;
    assert_eq!(refused.status, 400);
    assert!(list(&user.get(&format!("/runs?workflowId={workflow}")).await.body["runs"]).is_empty());
}
