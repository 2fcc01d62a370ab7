//! A workflow says what is done where a run of it fails: another workflow is started, and an event is sent, once for each end.

use std::time::{Duration, Instant};

use end_to_end::{User, aws_cli, list, node, noise, text};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

/// A workflow that says what it is told of a failure. Its document is so long that it lies in the bucket. It has a
/// credential that nothing else uses.
async fn handler(user: &User) -> String {
    let other = User::with_credential().await;
    user.workflow_with(json!({
        "input": {"type": "object", "description": noise(250_000)},
        "nodes": [
            {
                "type": "set", "variableName": "x",
                "value": "{{trigger.type}} {{runId}} {{workflowId}} {{execution}} {{status}} {{code}} {{node}} {{trigger.failedRun.cause}}",
            },
            {"variableName": "words", "credential": other.name, "userPrompt": "Explain: {{x}}"},
        ],
    }))
    .await
}

/// The workflow's runs, once there are so many and all have ended.
async fn runs(user: &User, workflow: &str, count: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let runs = user.runs_of(workflow).await;
        if runs.len() == count && runs.iter().all(|run| run["status"] != "RUNNING") {
            return runs;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{runs:#?}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_failed_run_starts_the_workflow_that_is_to_hear_of_it_once_for_each_end() {
    let user = User::with_credential().await;
    let handler = handler(&user).await;
    let prompt = format!("[[fault:no-credits*2]] {}", user.name);
    let workflow = user
        .workflow_with(json!({
            "onFailure": {"workflow": handler},
            "nodes": [{"variableName": "y", "userPrompt": prompt}],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["error"]["code"], "InsufficientCredits", "{ended:#}");
    let heard = runs(&user, &handler, 1).await;
    let heard = user.ended(&text(&heard[0]["id"])).await;
    let cause = text(&ended["error"]["cause"]);
    assert_eq!(
        node(&heard, "x")["output"],
        format!("failure {run} {workflow} 1 FAILED InsufficientCredits y {cause}")
    );
    assert_eq!(heard["trigger"], "failure");

    let resume = format!("/runs/{run}/resume");
    user.post(&resume, &json!({})).await;
    user.ended(&run).await;
    runs(&user, &handler, 2).await;
    user.post(&resume, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "SUCCEEDED");

    let slow = format!("[[fault:slow-headers(ms=5000)]] {}", user.name);
    let workflow = user
        .workflow_with(json!({
            "onFailure": {"workflow": handler},
            "limits": {"timeoutSeconds": 2},
            "nodes": [{"variableName": "y", "userPrompt": slow}],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "TIMED_OUT");
    let heard = runs(&user, &handler, 3).await;
    let heard = user.ended(&text(&heard[0]["id"])).await;
    let said = text(&node(&heard, "x")["output"]);
    assert!(said.contains("1 TIMED_OUT RunTimedOut"), "{said}");
}

#[tokio::test]
async fn a_chain_of_failing_handlers_ends() {
    let user = User::with_credential().await;
    // It names itself, and fails each time.
    let id = user.name.clone();
    let document = json!({
        "name": id, "onFailure": {"workflow": id, "event": true},
        "nodes": [{"type": "openrouter", "variableName": "x", "credential": user.name, "userPrompt": "{{gone}}"}],
    });
    let put = user.put(&format!("/workflows/{id}"), &document).await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    let run = user.trigger(&id, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "FAILED");
    let both = runs(&user, &id, 2).await;
    assert_eq!(both[0]["trigger"], "failure");
    let second = text(&both[0]["id"]);
    // Nor does it where it is resumed or repeated.
    user.post(&format!("/runs/{second}/resume"), &json!({}))
        .await;
    assert_eq!(user.ended(&second).await["execution"], 2);
    let rerun = user
        .post(&format!("/runs/{second}/rerun"), &json!({}))
        .await;
    user.ended(&text(&rerun.body["id"])).await;
    sleep(Duration::from_secs(3)).await;
    runs(&user, &id, 3).await;
}

#[tokio::test]
async fn others_can_subscribe_to_the_event_of_a_failure() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({
            "onFailure": {"event": true},
            "nodes": [{"variableName": "y", "userPrompt": "{{gone}}"}],
        }))
        .await;
    let made = aws_cli(&["sqs", "create-queue", "--queue-name", &user.name]);
    let queue = text(&made["QueueUrl"]);
    let pattern = json!({
        "source": ["openrouter-steps"], "detail-type": ["Run Failed"],
        "detail": {"workflowId": [workflow]},
    });
    let (name, pattern) = (user.name.as_str(), pattern.to_string());
    let rule = ["events", "put-rule", "--name", name];
    aws_cli(&[&rule[..], &["--event-pattern", &pattern]].concat());
    let arn = format!("Id=queue,Arn=arn:aws:sqs:us-east-1:000000000000:{name}");
    let targets = ["events", "put-targets", "--rule", name];
    aws_cli(&[&targets[..], &["--targets", &arn]].concat());
    let run = user.trigger(&workflow, &json!({})).await;
    let ended = user.ended(&run).await;
    let began = Instant::now();
    let event: Value = loop {
        let receive = ["sqs", "receive-message", "--queue-url", &queue];
        let received = aws_cli(&receive);
        if let Some(message) = received["Messages"].get(0) {
            break serde_json::from_str(&text(&message["Body"])).unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no event");
    };
    assert_eq!(event["source"], "openrouter-steps", "{event:#}");
    assert_eq!(event["detail-type"], "Run Failed");
    assert_eq!(event["resources"], json!([end_to_end::state_machine()]));
    let detail = &event["detail"];
    assert_eq!(detail["runId"], run);
    assert_eq!(detail["execution"], 1);
    assert_eq!(detail["version"], 1);
    assert_eq!(detail["status"], "FAILED");
    assert_eq!(detail["code"], "MissingVariable");
    assert_eq!(detail["cause"], ended["error"]["cause"]);
    assert_eq!(detail["node"], "y");
    let remove = ["events", "remove-targets", "--rule", name, "--ids", "queue"];
    aws_cli(&remove);
    aws_cli(&["events", "delete-rule", "--name", name]);
    aws_cli(&["sqs", "delete-queue", "--queue-url", &queue]);
}

#[tokio::test]
async fn who_is_to_hear_of_failures_has_to_be_there() {
    let user = User::with_credential().await;
    let path = format!("/workflows/{}", user.name);
    let document = |on_failure: Value| {
        json!({
            "name": "x", "onFailure": on_failure,
            "nodes": [{"type": "set", "variableName": "x", "value": "hi"}],
        })
    };
    for (on_failure, fault) in [
        (json!({"workflow": "nowhere"}), "onFailure.workflow"),
        (json!({"workflow": "no/id#"}), "onFailure.workflow"),
        (json!({"workflow": 5}), "onFailure.workflow"),
        (json!({"event": "yes"}), "onFailure.event"),
        (json!({"mail": "me"}), "onFailure.mail"),
        (json!("x"), "onFailure"),
    ] {
        let refused = user.put(&path, &document(on_failure.clone())).await;
        assert_eq!(refused.status, 422, "{on_failure}: {:?}", refused.body);
        let faults = list(&refused.body["faults"]);
        assert_eq!(faults.len(), 1, "{on_failure}: {faults:?}");
        assert_eq!(faults[0]["path"], fault, "{on_failure}: {faults:?}");
    }
    let kept = user.put(&path, &document(json!({"event": true}))).await;
    assert_eq!(kept.status, 201, "{:?}", kept.body);
    let shown = user.call(Method::GET, &path, None).await;
    let shown = &shown.body["workflow"]["onFailure"];
    assert_eq!(*shown, json!({"event": true}));
}

#[tokio::test]
async fn a_handler_that_has_no_place_waits_for_one() {
    let user = User::with_credential().await;
    let handler = user
        .workflow_with(json!({
            "limits": {"maxRuns": {"count": 1, "then": "queue"}},
            "nodes": [{"variableName": "x", "userPrompt": "[[fault:slow-headers(ms=8000)]] hi"}],
        }))
        .await;
    let first = user.trigger(&handler, &json!({})).await;
    let workflow = user
        .workflow_with(json!({
            "onFailure": {"workflow": handler},
            "nodes": [{"variableName": "y", "userPrompt": format!("[[fault:no-credits]] {}", user.name)}],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "FAILED");
    let began = Instant::now();
    let second = loop {
        let runs = user.runs_of(&handler).await;
        if let Some(second) = runs.iter().find(|run| run["id"] != first.as_str()) {
            break second.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{runs:#?}");
        sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(second["status"], "QUEUED", "{second:#}");
    assert_eq!(user.ended(&first).await["status"], "SUCCEEDED");
    let second = user.ended(&text(&second["id"])).await;
    assert_eq!(second["status"], "SUCCEEDED", "{second:#}");
}
