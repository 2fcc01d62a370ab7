//! The API's description is served to everybody, is valid OpenAPI 3.1, and has the same routes as the template.

use std::collections::BTreeSet;
use std::process::Command;

use end_to_end::{User, described_path, routes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use steps_api::{
    AuditPage, CredentialList, CredentialWithKey, ModelDetails, ModelPage, NodeView, RunEvents,
    RunPage, RunView, SchedulePage, TokenPage, WebhookList, WorkflowPage, WorkflowView,
};

#[tokio::test]
async fn everybody_gets_the_description_that_the_types_make() {
    let user = User::new("good");
    let answer = user.call_as(None, "/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type, "application/json");
    assert_eq!(answer.body, steps_api::openapi());
    assert_eq!(answer.body["info"]["version"], steps_api::VERSION);
}

#[test]
fn the_description_has_the_routes_of_the_template_each_with_the_right_to_call_it() {
    let document = steps_api::openapi();
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let needs_token = operation["security"][0]["token"].is_array();
            described.insert((format!("{} {path}", method.to_uppercase()), needs_token));
        }
    }
    let deployed: BTreeSet<(String, bool)> = routes()
        .into_iter()
        // What matches no other route has no path. The console's files are for browsers, and no part of the API.
        .filter(|route| route.key != "$default" && !route.key.starts_with("GET /console"))
        .map(|route| (described_path(&route.key), route.is_authorized))
        .collect();
    assert_eq!(described, deployed);
}

#[test]
fn the_description_is_good_openapi() {
    let file = std::env::temp_dir().join(format!("openapi-{}.json", std::process::id()));
    std::fs::write(&file, steps_api::openapi().to_string()).unwrap();
    let validator = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../.local/venv/bin/openapi-spec-validator"
    );
    let done = Command::new(validator)
        .args(["--schema", "3.1.0"])
        .arg(&file)
        .output()
        .expect("the validator is in .local/venv");
    std::fs::remove_file(&file).unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
}

#[test]
fn each_operation_says_what_it_answers_and_how_it_fails() {
    let document = steps_api::openapi();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|path| path.as_object().unwrap());
    for (_, operation) in operations {
        let responses = operation["responses"].as_object().unwrap();
        let has = |first: char| responses.keys().any(|status| status.starts_with(first));
        let succeeds = has('2') || has('3');
        assert!(succeeds && has('4') && has('5'), "{operation:#}");
        for (status, response) in responses {
            let problem = &response["content"]["application/problem+json"];
            let codes = &problem["schema"]["allOf"][1]["properties"]["code"]["enum"];
            assert!(status.starts_with(['2', '3']) || problem.is_null() || *codes != Value::Null);
        }
    }
}

#[tokio::test]
async fn whoever_calls_from_rust_reads_all_that_is_answered() {
    let user = User::with_credential().await;
    let nodes = json!([{"id": "a", "variableName": "a", "model": "openai/gpt-4o-mini", "userPrompt": "hi"}]);
    let workflow = user.workflow(nodes).await;
    let at = format!("/workflows/{workflow}");
    let webhook = json!({"mode": "standard"});
    user.put(&format!("{at}/webhooks/door"), &webhook).await;
    let schedule = json!({"expression": "cron(0 0 1 1 ? *)", "input": {"a": 1}});
    user.put(&format!("{at}/schedules/yearly"), &schedule).await;
    let run = user.trigger(&workflow, &json!({"a": 1})).await;
    user.ended(&run).await;

    reads::<CredentialList>(&user, "/credentials").await;
    reads::<CredentialWithKey>(&user, &format!("/credentials/{}", user.name)).await;
    reads::<AuditPage>(&user, &format!("/credentials/{}/audit", user.name)).await;
    reads::<AuditPage>(&user, "/audit?limit=5").await;
    reads::<TokenPage>(&user, "/tokens?limit=5").await;
    reads::<ModelPage>(&user, "/models").await;
    reads::<ModelDetails>(&user, "/models/openai/gpt-4o-mini:nitro").await;
    reads::<ModelDetails>(&user, "/models/openrouter/auto").await;
    reads::<WorkflowPage>(&user, "/workflows?limit=5").await;
    reads::<WorkflowView>(&user, &at).await;
    reads::<WebhookList>(&user, &format!("{at}/webhooks")).await;
    reads::<SchedulePage>(&user, &format!("{at}/schedules")).await;
    reads::<RunPage>(&user, &format!("/runs?workflowId={workflow}")).await;
    reads::<RunView>(&user, &format!("/runs/{run}")).await;
    reads::<RunView>(&user, &format!("/runs/{run}?texts=false")).await;
    reads::<RunEvents>(&user, &format!("/runs/{run}?wait=0&texts=all")).await;
    reads::<NodeView>(&user, &format!("/runs/{run}/nodes/a")).await;
}

/// The type has everything of the answer at this path: what is read into it and written again is the same.
async fn reads<T: Serialize + DeserializeOwned>(user: &User, path: &str) {
    let answer = user.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
    let read: T = serde_json::from_value(answer.body.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), answer.body, "{path}");
}
