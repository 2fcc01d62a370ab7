//! No key in any log, table item, run record or answer.

use end_to_end::{Sandbox, User, aws_cli, function_logs, service_logs, text, whole_table};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};
use uuid::Uuid;

#[tokio::test]
async fn a_key_is_nowhere_but_in_secrets_manager() {
    let user = User::new("good");
    let next = User::new("good");
    let mut answers = String::new();
    // A body of the wrong shape is the likeliest place for an error to repeat the key.
    for body in [
        json!(user.key),
        json!({"name": user.name, "apiKey": [user.key]}),
        json!({"name": user.name, "provider": user.key, "apiKey": user.key}),
        json!({"name": user.key, "apiKey": user.key}),
        json!({"name": user.name, (user.key.as_str()): 1}),
    ] {
        let answer = user.post("/credentials", &body).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        answers.push_str(&answer.body.to_string());
    }
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}");
    for body in [
        json!(next.key),
        json!({"apiKey": [next.key]}),
        json!({"name": next.key}),
        json!({"rotation": next.key}),
        json!({"rotation": {"everyDays": next.key}}),
        json!({(next.key.as_str()): 1}),
    ] {
        for answer in [
            user.put(&path, &body).await,
            user.post(&format!("{path}/restore"), &body).await,
        ] {
            assert_eq!(answer.status, 400, "{:?}", answer.body);
            answers.push_str(&answer.body.to_string());
        }
    }
    let hello = json!([{"variableName": "x", "userPrompt": "hi"}]);
    let good = user.run(hello.clone(), json!({})).await;
    assert_eq!(good["status"], "SUCCEEDED");
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let bad = user.run(hello, json!({})).await;
    assert_eq!(bad["status"], "FAILED");
    let refused = user.get(&path).await;
    assert_eq!(refused.body["keyProblem"]["code"], "InvalidApiKey");
    answers.push_str(&refused.body.to_string());

    // Every change that a credential can meet.
    let replaced = user.put(&path, &json!({"apiKey": next.key})).await;
    assert_eq!(replaced.status, 200, "{:?}", replaced.body);
    answers.push_str(&replaced.body.to_string());
    let made = rotated(&user, &path, &id).await;
    for (method, path, status) in [
        (Method::DELETE, format!("{path}?force=true"), 200),
        (Method::GET, "/credentials?deleted=true".to_owned(), 200),
        (Method::POST, format!("{path}/restore"), 200),
        (Method::POST, format!("{path}/check"), 200),
        (Method::GET, "/credentials".to_owned(), 200),
        (Method::GET, path.clone(), 200),
        (Method::GET, format!("{path}/audit"), 200),
        (Method::GET, "/runs".to_owned(), 200),
        (Method::GET, format!("/runs/{}", text(&bad["id"])), 200),
        (
            Method::GET,
            format!("/runs/{}/nodes/x", text(&good["id"])),
            200,
        ),
    ] {
        let answer = user.call(method, &path, None).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
        answers.push_str(&answer.body.to_string());
    }

    let table = whole_table().await;
    let functions = function_logs();
    assert!(
        functions.contains(&text(&good["id"])),
        "the run's log is among them"
    );
    let services = service_logs();
    let words = ["secretsmanager", "get-secret-value", "--secret-id"];
    let management = aws_cli(&[&words[..], &["openrouter-steps-management-key"]].concat());
    let management = text(&management["SecretString"]);
    for key in [&user.key, &next.key, &made, &management] {
        let secret_part = &key[key.len() - 24..];
        assert!(!answers.contains(secret_part), "in an answer");
        assert!(!table.contains(secret_part), "in the table");
        assert!(!functions.contains(secret_part), "in a function's log");
        for (file, log) in &services {
            assert!(!log.contains(secret_part), "in {}", file.display());
        }
    }
}

#[tokio::test]
async fn no_level_of_logging_shows_a_key_a_token_or_a_secret() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let words = |about: &str| format!("{about}-{}", Uuid::now_v7().simple());
    let key = format!("sk-or-v1-{}-good", words("traced"));
    let token = words("token");
    let secret = words("bearer-secret");
    sandbox.keep_text("api-token", &token);

    let authorize = sandbox.function("authorize").await;
    let bearer = format!("Bearer {token}");
    let verdict = authorize
        .invoke(json!({"headers": {"authorization": bearer}}))
        .await;
    assert_eq!(verdict["isAuthorized"], true, "{verdict}");

    let tokens = sandbox.function("tokens").await;
    let body = json!({"name": "traced", "scopes": ["read"]});
    let made = tokens
        .http_with(
            Method::POST,
            "/tokens",
            &[("authorization", &bearer)],
            Some(&body),
        )
        .await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let named = text(&made.body["token"]);
    let verdict = authorize
        .invoke(json!({"headers": {"authorization": format!("Bearer {named}")}}))
        .await;
    assert_eq!(verdict["isAuthorized"], true, "{verdict}");
    let named = named[named.len() - 64..].to_owned();

    let credentials = sandbox.function("credentials").await;
    let body = json!({"name": "main", "provider": "openrouter", "apiKey": key});
    let sent = [("authorization", bearer.as_str())];
    let stored = credentials
        .http_with(Method::POST, "/credentials", &sent, Some(&body))
        .await;
    assert_eq!(stored.status, 201, "{:?}", stored.body);

    let workflows = sandbox.function("workflows").await;
    let document = json!({"name": "traced", "nodes": [{
        "type": "openrouter", "variableName": "x", "credential": "main", "userPrompt": "hi",
    }]});
    let put = workflows
        .http_with(Method::PUT, "/workflows/traced", &sent, Some(&document))
        .await;
    assert!(put.status.is_success(), "{:?}", put.body);
    let webhooks = sandbox.function("webhooks").await;
    let body = json!({"mode": "bearer", "secret": secret});
    let path = "/workflows/traced/webhooks/door";
    let put = webhooks
        .http_with(Method::PUT, path, &sent, Some(&body))
        .await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    let receive_webhook = sandbox.function("receive-webhook").await;
    let proof = format!("Bearer {secret}");
    let sent = [("authorization", proof.as_str())];
    let started = receive_webhook
        .http_with(Method::POST, "/hooks/traced/door", &sent, Some(&json!({})))
        .await;
    assert_eq!(started.status, 202, "{:?}", started.body);

    let execute_node = sandbox.function("execute-node").await;
    let task = json!({"runId": started.body["id"], "execution": 1, "nodeId": "x", "needs": []});
    let answer = execute_node.invoke(task).await;
    assert_eq!(answer["status"], "SUCCEEDED", "{answer}");

    // Its own lines are shown at the level that was asked for.
    let log = execute_node.log();
    assert!(
        log.contains("DEBUG") && log.contains("OpenRouter answers"),
        "{log}"
    );
    for function in [
        authorize,
        tokens,
        credentials,
        workflows,
        webhooks,
        receive_webhook,
        execute_node,
    ] {
        let log = function.log();
        for hidden in [&key, &token, &named, &secret] {
            assert!(!log.contains(hidden.as_str()), "{log}");
        }
    }
}

/// Rotates the key; gives the one that was made.
async fn rotated(user: &User, path: &str, id: &str) -> String {
    let asked = user
        .call(Method::POST, &format!("{path}/rotate"), None)
        .await;
    assert_eq!(asked.status, 202, "{:?}", asked.body);
    let began = Instant::now();
    while user.get(path).await.body["lastRotation"].is_null() {
        assert!(began.elapsed() < Duration::from_secs(60), "not rotated");
        sleep(Duration::from_millis(200)).await;
    }
    let name = format!("openrouter-steps/credentials/{id}");
    let words = ["secretsmanager", "get-secret-value", "--secret-id", &name];
    let stored = text(&aws_cli(&words)["SecretString"]);
    let stored: Value = serde_json::from_str(&stored).unwrap();
    text(&stored["apiKey"])
}
