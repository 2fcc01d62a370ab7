//! AWS may throttle, fail, be slow or cancel a transaction. A run gets through this, and no call is paid twice because
//! of it.

use std::time::{Duration, Instant};

use end_to_end::{Meets, list, node, text};
use reqwest::Method;
use serde_json::{Value, json};

use crate::sandboxed::{World, task};

/// Every operation of AWS that a node needs, each with trouble that it meets.
const PASSING: [(&str, &str, usize, Meets); 17] = [
    ("BatchGetItem", "", 3, Meets::Throttling),
    ("BatchGetItem", "", 2, Meets::InternalError),
    ("GetItem", "", 3, Meets::Throttling),
    ("GetSecretValue", "", 3, Meets::Throttling),
    ("GetSecretValue", "", 2, Meets::InternalError),
    ("TransactWriteItems", "RUNNING", 3, Meets::Throttling),
    ("TransactWriteItems", "RUNNING", 3, Meets::InternalError),
    (
        "TransactWriteItems",
        "RUNNING",
        4,
        Meets::Cancelled("TransactionConflict"),
    ),
    (
        "TransactWriteItems",
        "RUNNING",
        4,
        Meets::Cancelled("ThrottlingError"),
    ),
    ("TransactWriteItems", "SUCCEEDED", 6, Meets::Throttling),
    ("TransactWriteItems", "SUCCEEDED", 6, Meets::InternalError),
    (
        "TransactWriteItems",
        "SUCCEEDED",
        6,
        Meets::Cancelled("TransactionConflict"),
    ),
    (
        "TransactWriteItems",
        "SUCCEEDED",
        6,
        Meets::Cancelled("ThrottlingError"),
    ),
    ("UpdateItem", "generationId", 3, Meets::Throttling),
    ("UpdateItem", "generationId", 2, Meets::InternalError),
    (
        "TransactWriteItems",
        "",
        2,
        Meets::Slow(Duration::from_secs(2)),
    ),
    ("BatchGetItem", "", 1, Meets::Slow(Duration::from_secs(3))),
];

#[tokio::test]
async fn what_passes_is_ridden_out_with_one_paid_call() {
    let world = World::new().await;
    let mut function = world.sandbox.function("execute-node").await;
    for (done, (operation, containing, times, meets)) in PASSING.into_iter().enumerate() {
        // A cold one: a warm function knows its key.
        function.kill().await;
        function = world.sandbox.function("execute-node").await;
        let run = world.begin(&format!("{done}")).await;
        world.sandbox.trouble(operation, containing, times, meets);
        let answer = function.invoke(task(&run)).await;
        assert_eq!(
            answer["status"], "SUCCEEDED",
            "{times} times {meets:?} at {operation}: {answer}"
        );
        let ended = world.run(&run).await;
        assert_eq!(list(&node(&ended, "x")["attempts"]).len(), 1, "{ended:#}");
        assert_eq!(world.paid().await, done + 1, "{meets:?} at {operation}");
        world.sandbox.calm();
    }
}

#[tokio::test]
async fn s3_that_slows_down_is_ridden_out() {
    let world = World::new().await;
    let noise: String = (0..20_000)
        .map(|_| uuid::Uuid::now_v7().simple().to_string())
        .collect();
    world.sandbox.trouble("PUT", "", 2, Meets::Throttling);
    let function = world.sandbox.function("execute-node").await;
    let run = world.begin(&format!("[[echo]]{noise}")).await;
    world.sandbox.trouble("GET", "", 2, Meets::Throttling);
    let answer = function.invoke(task(&run)).await;
    assert_eq!(answer["status"], "SUCCEEDED", "{answer}");
    assert_eq!(world.paid().await, 1);
}

#[tokio::test]
async fn what_does_not_pass_before_the_call_costs_nothing_and_goes_on_later() {
    for (operation, containing, code) in [
        ("BatchGetItem", "", "StorageUnavailable"),
        ("TransactWriteItems", "RUNNING", "StorageUnavailable"),
        ("GetSecretValue", "", "SecretsUnavailable"),
    ] {
        let world = World::new().await;
        let run = world.begin("hi").await;
        let function = world.sandbox.function("execute-node").await;
        world
            .sandbox
            .trouble(operation, containing, usize::MAX, Meets::Throttling);
        let refused = function.invoke(task(&run)).await;
        // Either the state machine tries again, or the node waits for its next attempt.
        let said = if refused["status"] == "WAIT" {
            &refused["code"]
        } else {
            &refused["errorType"]
        };
        assert_eq!(said, code, "{operation}: {refused}");
        assert_eq!(world.paid().await, 0);
        world.sandbox.calm();
        let answer = soon(&world, &function, &run).await;
        assert_eq!(answer["status"], "SUCCEEDED", "{operation}: {answer}");
        world.agrees_with_the_ledger(&run).await;
        assert_eq!(world.paid().await, 1);
    }
}

/// The task again, as the state machine would, until it is not told to wait.
async fn soon(world: &World, function: &end_to_end::Function, run: &str) -> Value {
    loop {
        let answer = function.invoke(task(run)).await;
        if answer["status"] != "WAIT" {
            return answer;
        }
        world.sandbox.let_leases_end(run).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn a_paid_answer_is_held_on_to_until_the_table_takes_it() {
    let world = World::new().await;
    let run = world.begin("hi").await;
    let function = world.sandbox.function_for("execute-node", 60).await;
    let trouble = world.sandbox.trouble(
        "TransactWriteItems",
        "SUCCEEDED",
        usize::MAX,
        Meets::Throttling,
    );
    let answer = function.hand(task(&run)).await;
    // More refusals than the SDK alone would try again.
    for _ in 0..12 {
        trouble.met().await;
    }
    world.sandbox.calm();
    assert_eq!(answer.await.unwrap()["status"], "SUCCEEDED");
    let ended = world.agrees_with_the_ledger(&run).await;
    assert_eq!(list(&node(&ended, "x")["attempts"]).len(), 1, "{ended:#}");
    assert_eq!(world.paid().await, 1);
}

#[tokio::test]
async fn an_answer_that_the_table_never_takes_ends_the_node_at_once_with_its_money_kept() {
    for meets in [
        Meets::Cancelled("ValidationError"),
        Meets::Cancelled("ItemCollectionSizeLimitExceeded"),
        Meets::Refused("ValidationException"),
        Meets::Refused("AccessDeniedException"),
        Meets::Refused("ResourceNotFoundException"),
    ] {
        let world = World::new().await;
        let run = world.begin("hi").await;
        let function = world.sandbox.function("execute-node").await;
        let begun = Instant::now();
        world
            .sandbox
            .trouble("TransactWriteItems", "SUCCEEDED", usize::MAX, meets);
        let answer = function.invoke(task(&run)).await;
        assert_eq!(answer["errorType"], "RecordRefused", "{meets:?}: {answer}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{meets:?}");
        let ended = world.agrees_with_the_ledger(&run).await;
        let x = node(&ended, "x");
        assert_eq!(x["status"], "FAILED", "{ended:#}");
        assert_eq!(x["error"]["code"], "RecordRefused");
        assert_eq!(x["attempts"][0]["code"], "RecordRefused");
        assert!(x["attempts"][0]["message"].is_null(), "{x:#}");
        assert_eq!(ended["error"]["code"], "RecordRefused");
        assert_eq!(ended["error"]["retryable"], false);
        assert_eq!(world.paid().await, 1);
    }
}

#[tokio::test]
async fn a_table_that_takes_no_end_at_all_fails_the_node_at_once() {
    let world = World::new().await;
    let run = world.begin("hi").await;
    let function = world.sandbox.function("execute-node").await;
    let begun = Instant::now();
    // Every end counts its cost; no claim does.
    let trouble = world.sandbox.trouble(
        "TransactWriteItems",
        "costUsd",
        usize::MAX,
        Meets::Cancelled("ValidationError"),
    );
    let answer = function.invoke(task(&run)).await;
    assert_eq!(answer["errorType"], "RecordRefused", "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    trouble.met().await;
    let machine = include_str!("../../../infra/run-workflow.asl.yaml");
    assert!(machine.contains("- StorageUnavailable"), "what passes");
    assert!(!machine.contains("- RecordRefused"), "is not tried again");
}

#[tokio::test]
async fn what_aws_refuses_is_told_and_not_tried_again() {
    let world = World::new().await;
    let document = json!({"name": "refused", "nodes": [{
        "type": "openrouter", "variableName": "x", "credential": "main", "userPrompt": "hi",
    }]});
    let workflows = world.sandbox.function("workflows").await;
    let put = workflows
        .http(Method::PUT, "/workflows/refused", Some(&document))
        .await;
    assert!(put.status.is_success(), "{:?}", put.body);
    let start_run = world.sandbox.function("start-run").await;
    let refusal = Meets::Cancelled("ValidationError");
    world
        .sandbox
        .trouble("TransactWriteItems", "", usize::MAX, refusal);
    world.sandbox.aws_calls();
    let refused = start_run
        .http(Method::POST, "/workflows/refused/runs", None)
        .await;
    assert_eq!(refused.status, 500, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "RecordRefused");
    assert_eq!(refused.body["retryable"], false);
    assert_eq!(world.sandbox.aws_calls()["TransactWriteItems"], 1);
    world.sandbox.calm();

    let run = world.begin("hi").await;
    let finish_run = world.sandbox.function("finish-run").await;
    let refusal = Meets::Refused("ValidationException");
    for status in ["SUCCEEDED", "FAILED"] {
        let write = "TransactWriteItems";
        world.sandbox.trouble(write, "", usize::MAX, refusal);
        world.sandbox.aws_calls();
        let told = json!({"detail": {"name": run, "status": status}});
        let refused = finish_run.invoke(told).await;
        assert_eq!(refused["errorType"], "RecordRefused", "{refused}");
        assert_eq!(world.sandbox.aws_calls()[write], 1);
    }
}

#[tokio::test]
async fn a_run_starts_through_throttling_and_one_that_could_not_start_is_resumed() {
    let world = World::new().await;
    let document = json!({"name": "throttled", "nodes": [{
        "type": "openrouter", "variableName": "x", "credential": "main", "userPrompt": "hi",
    }]});
    let workflows = world.sandbox.function("workflows").await;
    let put = workflows
        .http(Method::PUT, "/workflows/throttled", Some(&document))
        .await;
    assert!(put.status.is_success(), "{:?}", put.body);

    let start_run = world.sandbox.function("start-run").await;
    for (operation, meets) in [
        ("GetItem", Meets::Throttling),
        ("Query", Meets::Throttling),
        ("TransactWriteItems", Meets::Throttling),
        (
            "TransactWriteItems",
            Meets::Cancelled("TransactionConflict"),
        ),
        ("TransactWriteItems", Meets::InternalError),
        ("StartExecution", Meets::Throttling),
    ] {
        world.sandbox.trouble(operation, "", 2, meets);
        let started = start_run
            .http(Method::POST, "/workflows/throttled/runs", None)
            .await;
        assert_eq!(
            started.status, 202,
            "{meets:?} at {operation}: {:?}",
            started.body
        );
        let run = text(&started.body["id"]);
        assert_eq!(world.run(&run).await["status"], "RUNNING");
        world.sandbox.calm();
    }

    world
        .sandbox
        .trouble("StartExecution", "", usize::MAX, Meets::Throttling);
    let refused = start_run
        .http(Method::POST, "/workflows/throttled/runs", None)
        .await;
    assert_eq!(refused.status, 503, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "ExecutionNotStarted");
    world.sandbox.calm();
    let runs = world.sandbox.function("runs").await;
    let failed = runs.http(Method::GET, "/runs?status=FAILED", None).await;
    let run = text(&list(&failed.body["runs"])[0]["id"]);
    let resumed = start_run
        .http(Method::POST, &format!("/runs/{run}/resume"), None)
        .await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    assert_eq!(world.run(&run).await["execution"], 2);
}

#[tokio::test]
async fn the_end_of_a_run_is_written_through_throttling_in_whatever_order_it_is_told() {
    let world = World::new().await;
    let finish_run = world.sandbox.function("finish-run").await;
    for meets in [Meets::Throttling, Meets::InternalError] {
        let run = world.begin("hi").await;
        for write in ["UpdateItem", "TransactWriteItems"] {
            world.sandbox.trouble(write, "", 2, meets);
        }
        let told = |status: &str| json!({"detail": {"name": run, "status": status, "stopDate": 1_795_392_004_000_i64}});
        let mut words = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "RUNNING"];
        fastrand::shuffle(&mut words);
        let mut first = None;
        for word in words.into_iter().chain(words) {
            let answer = finish_run.invoke(told(word)).await;
            assert!(answer.get("errorType").is_none(), "{answer}");
            if word != "RUNNING" {
                first.get_or_insert(word);
            }
            let status = world.run(&run).await["status"].clone();
            assert_eq!(status, first.unwrap_or("RUNNING"), "told {words:?}");
        }
        world.sandbox.calm();
    }
}
