//! A workflow that is switched off starts no run, by whichever door; runs that go on are not touched. So it is with the whole
//! stack.

use end_to_end::{Sandbox, User, aws_cli, function_logs, invoke, list, text};
use jiff::Timestamp;
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn switch(user: &User, workflow: &str, enabled: bool) {
    let body = json!({"enabled": enabled, "reason": "the prices have changed"});
    let set = user
        .put(&format!("/workflows/{workflow}/switch"), &body)
        .await;
    assert_eq!(set.status, 200, "{:?}", set.body);
    assert_eq!(set.body["enabled"], enabled);
}

fn queue_message(queue: &str, id: &str) -> Value {
    json!({"Records": [{
        "messageId": id, "body": "{}", "eventSource": "aws:sqs", "eventSourceARN": queue,
    }]})
}

#[tokio::test]
async fn a_workflow_that_is_off_starts_nothing_by_any_door_and_goes_on_with_what_runs() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-own(retry_after=4)*1]] {}", user.name);
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await;
    let at = format!("/workflows/{workflow}");
    let hook = user
        .put(&format!("{at}/webhooks/door"), &json!({"mode": "none"}))
        .await;
    assert_eq!(hook.status, 201, "{:?}", hook.body);
    let queue = format!("arn:aws:sqs:us-east-1:000000000000:{}", user.name);
    let topic = format!("arn:aws:sns:us-east-1:000000000000:{}", user.name);
    for arn in [&queue, &topic] {
        let put = user
            .call(Method::PUT, &format!("{at}/sources/{arn}"), None)
            .await;
        assert_eq!(put.status, 200, "{:?}", put.body);
    }
    let path = format!("{at}/switch");
    let never = user.get(&path).await;
    assert_eq!(
        never.body,
        json!({"enabled": true, "reason": null, "changedAt": null})
    );
    let running = user.trigger(&workflow, &json!({})).await;
    user.waiting(&running, "x").await;

    switch(&user, &workflow, false).await;
    let read = user.get(&path).await.body;
    assert_eq!(read["enabled"], false);
    let at_once: Timestamp = text(&read["changedAt"]).parse().unwrap();
    assert!(at_once <= Timestamp::now());

    for (path, is_open) in [
        (format!("{at}/runs"), false),
        (format!("/hooks/{workflow}"), false),
        (format!("/hooks/{workflow}/door"), true),
        (format!("/runs/{running}/rerun"), false),
    ] {
        let refused = if is_open {
            user.deliver(&path, &[], b"{}").await
        } else {
            user.post(&path, &json!({})).await
        };
        assert_eq!(refused.status, 403, "{path}: {:?}", refused.body);
        assert_eq!(refused.body["code"], "WorkflowDisabled", "{path}");
        let cause = text(&refused.body["cause"]);
        assert!(cause.contains("the prices have changed"), "{cause}");
    }
    let skipped = json!({"skipped": true, "code": "WorkflowDisabled"});
    for overlap in ["allow", "skip"] {
        let fired = json!({
            "workflow": workflow, "schedule": "often", "overlap": overlap,
            "scheduledTime": "2026-11-23T09:00:00Z", "executionId": "e", "input": {},
        });
        assert_eq!(invoke("start-run", &fired), skipped);
    }
    let event = json!({"workflow": workflow, "event": {"id": "1", "detail": {}}});
    assert_eq!(invoke("start-run", &event), json!({"runs": [skipped]}));
    let notification = json!({"Records": [{
        "EventSource": "aws:sns", "Sns": {"MessageId": "1", "TopicArn": topic, "Message": "{}"},
    }]});
    assert_eq!(
        invoke("start-run", &notification),
        json!({"runs": [skipped]})
    );
    // A message stays in its queue.
    let message = queue_message(&queue, "m1");
    let kept = json!({"batchItemFailures": [{"itemIdentifier": "m1"}]});
    assert_eq!(invoke("start-run", &message), kept);

    let counted = function_logs()
        .lines()
        .filter(|line| line.contains("StartsRefused") && line.contains(&workflow))
        .count();
    assert_eq!(counted, 9, "each one that was refused or skipped");

    // What goes on goes on, and nothing else was started.
    let ended = user.ended(&running).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert_eq!(user.runs_of(&workflow).await.len(), 1);

    switch(&user, &workflow, true).await;
    let taken = json!({"batchItemFailures": []});
    assert_eq!(invoke("start-run", &message), taken);
    let started = user.post(&format!("{at}/runs"), &json!({})).await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    assert_eq!(user.runs_of(&workflow).await.len(), 3);
}

#[tokio::test]
async fn a_run_of_a_workflow_that_is_off_is_not_resumed_but_can_be_cancelled() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-own(retry_after=60)]] {}", user.name);
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "x").await;
    switch(&user, &workflow, false).await;
    let cancelled = user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    let path = format!("/runs/{run}/resume");
    let refused = user.post(&path, &json!({})).await;
    assert_eq!(refused.status, 403, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "WorkflowDisabled");
    switch(&user, &workflow, true).await;
    let resumed = user.post(&path, &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
}

#[tokio::test]
async fn a_switch_goes_with_its_workflow_and_there_is_none_without_one() {
    let user = User::new("good");
    let nodes = json!([{"type": "set", "variableName": "x", "value": "y"}]);
    let workflow = user.workflow(nodes.clone()).await;
    switch(&user, &workflow, false).await;
    let at = format!("/workflows/{workflow}");
    let gone = user.call(Method::DELETE, &at, None).await;
    assert_eq!(gone.status, 204, "{:?}", gone.body);
    let path = format!("{at}/switch");
    let off = json!({"enabled": false});
    for answer in [user.get(&path).await, user.put(&path, &off).await] {
        assert_eq!(answer.status, 404, "{:?}", answer.body);
        assert_eq!(answer.body["code"], "WorkflowNotFound");
    }
    let put = user.put(&at, &json!({"name": "w", "nodes": nodes})).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    assert_eq!(user.get(&path).await.body["enabled"], true);
    let faulty = user.put(&path, &json!({"enabled": "no"})).await;
    assert_eq!(faulty.status, 400, "{:?}", faulty.body);
}

#[tokio::test]
async fn the_stacks_switch_is_read_and_set_by_who_may() {
    let user = User::new("good");
    // Off would stop other tests: the sandbox below is off.
    let on = user.put("/switch", &json!({"enabled": true})).await;
    assert_eq!(on.status, 200, "{:?}", on.body);
    assert_eq!(user.get("/switch").await.body["enabled"], true);
    let (reader, _) = user.with_scopes(&["read", "run"]).await;
    assert_eq!(reader.get("/switch").await.status, 200);
    let refused = reader.put("/switch", &json!({"enabled": true})).await;
    assert_eq!(refused.status, 403, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "InsufficientScope");
    let rows = user.get("/audit?subject=switch").await;
    assert_eq!(rows.body["audit"][0]["action"], "PUT /switch");
}

#[tokio::test]
async fn a_stack_that_is_off_starts_no_run_of_any_workflow() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let document = json!({"name": "w", "nodes": [
        {"id": "x", "variableName": "x", "type": "set", "value": "y"},
    ]});
    let now = Timestamp::now();
    let workflows = sandbox.store.workflows();
    for id in ["a", "b"] {
        let none = BTreeSet::new();
        workflows
            .put(id, "w", &document.to_string(), &none, &none, now)
            .await
            .unwrap();
    }
    assert!(sandbox.executions().is_empty());
    let switches = sandbox.function("workflows").await;
    let starts = sandbox.function("start-run").await;
    let off = json!({"enabled": false, "reason": "an incident"});
    let set = switches.http(Method::PUT, "/switch", Some(&off)).await;
    assert_eq!(set.status, 200, "{:?}", set.body);
    for id in ["a", "b"] {
        let path = format!("/workflows/{id}/runs");
        let refused = starts.http(Method::POST, &path, None).await;
        assert_eq!(refused.status, 403, "{:?}", refused.body);
        assert_eq!(refused.body["code"], "StartsDisabled");
    }
    assert!(sandbox.executions().is_empty());
    let on = json!({"enabled": true});
    switches.http(Method::PUT, "/switch", Some(&on)).await;
    let started = starts.http(Method::POST, "/workflows/a/runs", None).await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    assert_eq!(list(&json!(sandbox.executions())).len(), 1);
}

#[tokio::test]
async fn a_schedule_stays_while_its_workflow_is_off() {
    let user = User::new("good");
    let nodes = json!([{"type": "set", "variableName": "x", "value": "y"}]);
    let workflow = user.workflow(nodes).await;
    let path = format!("/workflows/{workflow}/schedules/often");
    let put = user.put(&path, &json!({"expression": "rate(1 day)"})).await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    switch(&user, &workflow, false).await;
    assert_eq!(user.get(&path).await.body["enabled"], true);
    let words = ["scheduler", "list-schedules", "--max-results", "1"];
    assert!(!list(&aws_cli(&words)["Schedules"]).is_empty());
}
