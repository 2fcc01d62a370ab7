//! A workflow with `limits.maxRuns` never has more runs at work than that. A further one waits, is skipped, or replaces the
//! oldest one. What waits is started, whoever dies.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{
    Answer, Meets, Sandbox, User, aws, invoke, item_key, list, node, stack_store, table, text,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use steps_store::{Ended, RunStatus, keys};

/// A workflow whose runs take about a second.
async fn workflow(user: &User, count: u32, then: &str) -> String {
    let prompt = format!("[[fault:slow-headers(ms=1000)]] {}", user.name);
    limited(user, count, then, &prompt).await
}

/// A workflow whose runs go on for a minute without a paid call.
async fn long_workflow(user: &User, count: u32, then: &str) -> String {
    let prompt = format!("[[fault:rate-limit-own(retry_after=60)]] {}", user.name);
    limited(user, count, then, &prompt).await
}

async fn limited(user: &User, count: u32, then: &str, prompt: &str) -> String {
    user.workflow_with(json!({
        "limits": {"maxRuns": {"count": count, "then": then}},
        "nodes": [{"variableName": "x", "userPrompt": prompt}],
    }))
    .await
}

async fn start(user: &User, workflow: &str) -> Answer {
    user.post(&format!("/workflows/{workflow}/runs"), &json!({}))
        .await
}

async fn twenty_at_once(user: &User, workflow: &str) -> Vec<Value> {
    let answers = join_all((0..20).map(|_| start(user, workflow))).await;
    let answers = answers.into_iter().map(|answer| {
        assert!(answer.status.is_success(), "{:?}", answer.body);
        answer.body
    });
    answers.collect()
}

async fn cancel_all(user: &User, workflow: &str) {
    for run in user.runs_of(workflow).await {
        let path = format!("/runs/{}/cancel", text(&run["id"]));
        user.post(&path, &json!({})).await;
    }
}

fn time(run: &Value, name: &str) -> Timestamp {
    text(&run[name]).parse().unwrap()
}

/// The most of these runs that were at work at the same moment.
fn most_at_once(runs: &[Value]) -> usize {
    let at = |moment: Timestamp| {
        let during =
            |run: &&Value| time(run, "startedAt") <= moment && moment < time(run, "endedAt");
        runs.iter().filter(during).count()
    };
    runs.iter()
        .map(|run| at(time(run, "startedAt")))
        .max()
        .unwrap_or_default()
}

#[tokio::test]
async fn of_twenty_at_once_three_run_and_the_others_wait_their_turn() {
    let user = User::with_credential().await;
    let workflow = workflow(&user, 3, "queue").await;
    let answers = twenty_at_once(&user, &workflow).await;
    let queued = answers
        .iter()
        .filter(|answer| answer["status"] == "QUEUED")
        .count();
    assert!(queued >= 10, "{answers:#?}");
    let shown = user
        .get(&format!("/runs?workflowId={workflow}&status=QUEUED"))
        .await;
    assert!(!list(&shown.body["runs"]).is_empty(), "{:?}", shown.body);
    let mut runs = Vec::new();
    for answer in &answers {
        let run = user.ended(&text(&answer["id"])).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        runs.push(run);
    }
    assert!(most_at_once(&runs) <= 3, "{}", most_at_once(&runs));
    // Those that waited were let in in the order in which they were asked for.
    let mut waited: Vec<&Value> = runs
        .iter()
        .filter(|run| run["queuedAt"].is_string())
        .collect();
    assert!(waited.len() >= 17 - 3, "{}", waited.len());
    waited.sort_by_key(|run| time(run, "startedAt"));
    let mut in_order = waited.clone();
    in_order.sort_by_key(|run| text(&run["id"]));
    let late = waited
        .iter()
        .zip(&in_order)
        .filter(|(was, should)| was["id"] != should["id"])
        .count();
    // While the twenty came, one may have been let in before an older one was written down.
    assert!(late <= 6, "{late} of {}", waited.len());
    assert_eq!(user.ledger().await.len(), 20, "each is paid once");
}

#[tokio::test]
async fn of_twenty_at_once_three_run_and_the_others_are_skipped() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user, 3, "skip").await;
    let answers = twenty_at_once(&user, &workflow).await;
    let skipped = json!({"skipped": true, "workflowId": workflow, "maxRuns": 3});
    let count = answers.iter().filter(|answer| **answer == skipped).count();
    assert_eq!(count, 17, "{answers:#?}");
    assert_eq!(user.runs_of(&workflow).await.len(), 3);
    // One that has ended makes room, also where nobody has heard of its end yet.
    let first = answers.iter().find(|answer| answer["id"].is_string());
    let first = text(&first.unwrap()["id"]);
    user.post(&format!("/runs/{first}/cancel"), &json!({}))
        .await;
    let next = start(&user, &workflow).await;
    assert_eq!(next.status, 202, "{:?}", next.body);
    assert_eq!(start(&user, &workflow).await.body, skipped);
    cancel_all(&user, &workflow).await;
}

#[tokio::test]
async fn of_twenty_at_once_the_last_one_replaces_the_others() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user, 1, "replace").await;
    let answers = twenty_at_once(&user, &workflow).await;
    let ids: BTreeSet<String> = answers.iter().map(|answer| text(&answer["id"])).collect();
    assert_eq!(ids.len(), 20);
    let runs = user.runs_of(&workflow).await;
    let running: Vec<&Value> = runs
        .iter()
        .filter(|run| run["status"] == "RUNNING")
        .collect();
    assert_eq!(running.len(), 1, "{runs:#?}");
    let last = text(&running[0]["id"]);
    for id in ids.iter().filter(|id| **id != last) {
        let run = user.ended(id).await;
        assert_eq!(run["status"], "ABORTED", "{run:#}");
        assert_eq!(run["error"]["code"], "RunAborted");
        let cause = text(&run["error"]["cause"]);
        assert!(cause.contains("limits.maxRuns"), "{cause}");
    }
    user.waiting(&last, "x").await;
    // A delivery that comes again replaces nothing.
    let key = [("idempotency-key".to_owned(), user.name.clone())];
    let path = format!("/workflows/{workflow}/runs");
    let once = user.deliver_with_token(&path, &key, b"{}").await;
    let again = user.deliver_with_token(&path, &key, b"{}").await;
    assert_eq!(again.body["repeated"], true, "{:?}", again.body);
    assert_eq!(again.body["id"], once.body["id"]);
    assert_eq!(again.body["status"], "RUNNING");
    cancel_all(&user, &workflow).await;
}

#[tokio::test]
async fn deliveries_to_a_webhook_wait_are_skipped_and_replace_too() {
    let user = User::with_credential().await;
    for then in ["queue", "skip", "replace"] {
        let workflow = long_workflow(&user, 1, then).await;
        let hook = format!("/workflows/{workflow}/webhooks/door");
        user.put(&hook, &json!({"mode": "none"})).await;
        let path = format!("/hooks/{workflow}/door");
        let first = user.deliver(&path, &[], b"{}").await;
        assert_eq!(first.status, 202, "{:?}", first.body);
        let second = user.deliver(&format!("{path}?wait=1"), &[], b"{}").await;
        let first = user
            .get(&format!("/runs/{}", text(&first.body["id"])))
            .await;
        match then {
            "queue" => assert_eq!(second.body["status"], "QUEUED", "{:?}", second.body),
            "skip" => assert_eq!(second.body["skipped"], true, "{:?}", second.body),
            _ => {
                assert_eq!(second.body["status"], "RUNNING", "{:?}", second.body);
                assert_eq!(first.body["status"], "ABORTED");
            }
        }
        cancel_all(&user, &workflow).await;
    }
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled_and_one_that_is_resumed_takes_a_place() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user, 1, "queue").await;
    let ids: Vec<String> = {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(text(&start(&user, &workflow).await.body["id"]));
        }
        ids
    };
    let waiting = user.get(&format!("/runs/{}", ids[1])).await.body;
    assert_eq!(waiting["status"], "QUEUED", "{waiting:#}");
    assert_eq!(node(&waiting, "x")["status"], "PENDING");
    let cancel = async |id: &str| {
        let answer = user.post(&format!("/runs/{id}/cancel"), &json!({})).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert_eq!(answer.body["status"], "ABORTED");
    };
    cancel(&ids[1]).await;
    // The first one's place goes to the third.
    cancel(&ids[0]).await;
    user.run_when(&ids[2], |run| run["status"] == "RUNNING")
        .await;
    let path = format!("/runs/{}/resume", ids[0]);
    let resumed = user.post(&path, &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    assert_eq!(resumed.body["status"], "QUEUED", "{:?}", resumed.body);
    let again = user.post(&path, &json!({})).await;
    assert_eq!(again.body["repeated"], true, "{:?}", again.body);
    cancel(&ids[2]).await;
    let run = user
        .run_when(&ids[0], |run| run["status"] == "RUNNING")
        .await;
    assert_eq!(run["execution"], 2, "{run:#}");
    user.waiting(&ids[0], "x").await;
    cancel(&ids[0]).await;
}

#[tokio::test]
async fn a_repeat_that_waits_is_the_same_run() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user, 1, "queue").await;
    start(&user, &workflow).await;
    let key = [("idempotency-key".to_owned(), user.name.clone())];
    let path = format!("/workflows/{workflow}/runs");
    let first = user.deliver_with_token(&path, &key, b"{}").await;
    let again = user.deliver_with_token(&path, &key, b"{}").await;
    assert_eq!(first.body["status"], "QUEUED", "{:?}", first.body);
    assert_eq!(again.body["id"], first.body["id"]);
    assert_eq!(again.body["status"], "QUEUED");
    assert_eq!(user.runs_of(&workflow).await.len(), 2);
    cancel_all(&user, &workflow).await;
}

#[tokio::test]
async fn what_waits_is_held_back_while_its_workflow_is_off() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user, 1, "queue").await;
    let switch = async |enabled: bool| {
        let path = format!("/workflows/{workflow}/switch");
        let set = user.put(&path, &json!({ "enabled": enabled })).await;
        assert_eq!(set.status, 200, "{:?}", set.body);
    };
    let first = text(&start(&user, &workflow).await.body["id"]);
    let second = text(&start(&user, &workflow).await.body["id"]);
    user.waiting(&first, "x").await;
    switch(false).await;
    user.post(&format!("/runs/{first}/cancel"), &json!({}))
        .await;
    // The end of the first one lets nobody in.
    let event = json!({"source": "aws.states", "detail": {"name": first, "status": "ABORTED"}});
    assert_eq!(invoke("finish-run", &event), Value::Null);
    let held = user.get(&format!("/runs/{second}")).await.body;
    assert_eq!(held["status"], "QUEUED", "{held:#}");
    switch(true).await;
    // The sweep lets it in within five minutes, and the next start at once.
    start(&user, &workflow).await;
    let let_in = user.get(&format!("/runs/{second}")).await.body;
    assert_eq!(let_in["status"], "RUNNING", "{let_in:#}");
    cancel_all(&user, &workflow).await;
}

#[tokio::test]
async fn a_start_by_either_door_lets_those_in_first_that_nobody_has_let_in() {
    let user = User::with_credential().await;
    for door in ["runs", "webhook"] {
        let workflow = long_workflow(&user, 1, "queue").await;
        let first = text(&start(&user, &workflow).await.body["id"]);
        let second = text(&start(&user, &workflow).await.body["id"]);
        user.waiting(&first, "x").await;
        // Its execution goes on: nobody tells finish-run of its end.
        let end = Ended::cancelled(1, "a test");
        let store = stack_store().await;
        assert!(store.runs().end(&first, &end).await.unwrap());
        let third = if door == "runs" {
            start(&user, &workflow).await
        } else {
            let hook = format!("/workflows/{workflow}/webhooks/door");
            user.put(&hook, &json!({"mode": "none"})).await;
            let path = format!("/hooks/{workflow}/door");
            user.deliver(&path, &[], b"{}").await
        };
        assert_eq!(third.body["status"], "QUEUED", "{:?}", third.body);
        let second = user.get(&format!("/runs/{second}")).await.body;
        assert_eq!(second["status"], "RUNNING", "{door}: {second:#}");
        cancel_all(&user, &workflow).await;
    }
}

/// A sandbox with a workflow of one place, whose executions are only noted.
async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(Settings::default()).await;
    let document = json!({
        "name": "w", "limits": {"maxRuns": {"count": 1, "then": "queue"}},
        "nodes": [{"id": "x", "variableName": "x", "type": "set", "value": "y"}],
    });
    let workflows = sandbox.store.workflows();
    let document = document.to_string();
    let none = BTreeSet::new();
    let put = workflows.put("w", "w", &document, &none, &none, Timestamp::now());
    put.await.unwrap();
    assert!(sandbox.executions().is_empty());
    sandbox
}

async fn sandboxed_start(sandbox: &Sandbox) -> String {
    let starts = sandbox.function("start-run").await;
    let started = starts.http(Method::POST, "/workflows/w/runs", None).await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    text(&started.body["id"])
}

fn started(sandbox: &Sandbox) -> Vec<String> {
    let executions = sandbox.executions();
    executions.iter().map(|one| text(&one["runId"])).collect()
}

/// The event that tells of the end of an execution.
fn ended(run: &str) -> Value {
    json!({"source": "aws.states", "detail": {"name": run, "status": "SUCCEEDED"}})
}

#[tokio::test]
async fn what_waits_is_started_though_whoever_lets_it_in_dies() {
    let sandbox = sandbox().await;
    let first = sandboxed_start(&sandbox).await;
    let second = sandboxed_start(&sandbox).await;
    assert_eq!(started(&sandbox), std::slice::from_ref(&first));

    // The function dies between the end of the first one and the next.
    for (operation, containing) in [
        ("TransactWriteItems", "GATE"),
        ("StartExecution", second.as_str()),
    ] {
        let containing: &'static str = String::leak(containing.to_owned());
        let trouble = sandbox.trouble(operation, containing, 1, Meets::Dies);
        let dies = sandbox.function("finish-run").await;
        dies.hand(ended(&first)).await;
        tokio::time::timeout(Duration::from_secs(20), trouble.met())
            .await
            .unwrap_or_else(|_| panic!("{operation} was not made"));
        assert_eq!(started(&sandbox).len(), 1, "{operation}");
    }
    let head = sandbox.store.runs().head(&second).await.unwrap();
    assert_eq!(head.status, RunStatus::Running, "it is let in");
    // Nobody tells of the first one's end again: the sweep finds that the second one has no execution.
    sandbox.make_due(keys::run(&second)).await;
    let sweeps = sandbox.function("finish-run").await;
    let swept = sweeps.invoke(json!({"sweep": "runs"})).await;
    assert!(swept.get("errorType").is_none(), "{swept}");
    assert_eq!(started(&sandbox), [first, second]);
}

#[tokio::test]
async fn what_waits_though_there_is_a_place_is_let_in_by_the_sweep_or_by_the_next_start() {
    for by_the_sweep in [true, false] {
        let sandbox = sandbox().await;
        let first = sandboxed_start(&sandbox).await;
        // The second start dies once it is written down that its run waits.
        let trouble = sandbox.trouble("TransactWriteItems", "QUEUED", 1, Meets::DiesAfter);
        let dies = sandbox.function("start-run").await;
        let dying =
            tokio::spawn(async move { dies.http(Method::POST, "/workflows/w/runs", None).await });
        trouble.met().await;
        dying.abort();
        // And whoever ends the first run dies before it lets anybody in.
        let end = Ended::cancelled(1, "a test");
        assert!(sandbox.store.runs().end(&first, &end).await.unwrap());
        assert_eq!(started(&sandbox).len(), 1);
        let third = if by_the_sweep {
            sandbox.make_due(keys::gate("w")).await;
            let sweeps = sandbox.function("finish-run").await;
            let swept = sweeps.invoke(json!({"sweep": "runs"})).await;
            assert!(swept.get("errorType").is_none(), "{swept}");
            None
        } else {
            Some(sandboxed_start(&sandbox).await)
        };
        let runs = started(&sandbox);
        assert_eq!(runs.len(), 2, "{by_the_sweep}");
        assert_ne!(Some(&runs[1]), third.as_ref(), "it does not overtake");
        let gate = sandbox.store.gates().get("w").await.unwrap();
        assert_eq!(gate.places.len(), 1);
        assert_eq!(gate.waiting, u32::from(third.is_some()));
    }
}

#[tokio::test]
async fn a_run_that_waits_for_a_day_is_timed_out_and_the_next_one_is_not_held_up() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user, 1, "queue").await;
    start(&user, &workflow).await;
    let second = text(&start(&user, &workflow).await.body["id"]);
    let third = text(&start(&user, &workflow).await.body["id"]);
    let past = |text: &str| AttributeValue::S(text.to_owned());
    let client = aws_sdk_dynamodb::Client::new(&aws().await);
    for (key, name) in [
        (keys::waits(&workflow, &second), "queuedAt"),
        (keys::gate(&workflow), "dueAt"),
    ] {
        client
            .update_item()
            .table_name(table())
            .set_key(Some(item_key(key)))
            .update_expression("SET #time = :past")
            .expression_attribute_names("#time", name)
            .expression_attribute_values(":past", past("2026-11-20T00:00:00.000Z"))
            .send()
            .await
            .expect("the record is there");
    }
    let swept = invoke("finish-run", &json!({"sweep": "runs"}));
    assert!(swept.get("errorType").is_none(), "{swept}");
    let run = user.ended(&second).await;
    assert_eq!(run["status"], "TIMED_OUT", "{run:#}");
    assert_eq!(run["error"]["code"], "RunTimedOut");
    assert!(text(&run["error"]["cause"]).contains("waited 24 hours"));
    let third = user.get(&format!("/runs/{third}")).await;
    assert_eq!(third.body["status"], "QUEUED");
    cancel_all(&user, &workflow).await;
}
