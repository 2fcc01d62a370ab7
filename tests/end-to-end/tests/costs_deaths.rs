//! What a run cost is added to the costs by day once, wherever the function dies that adds it, and however often it is told to.

use end_to_end::{Meets, decimal};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use steps_store::keys;

use crate::costs::{expected, rows};
use crate::sandboxed::{World, each_dies, task};

/// Every request to AWS that adding the costs of a run makes which did not succeed, in their order.
const REQUESTS: [(&str, &str); 6] = [
    ("Query", "OUTBOX"),
    ("GetItem", "ENTERED"),
    ("Query", "attempts"),
    ("TransactWriteItems", "entries"),
    ("UpdateItem", "ENTERED"),
    ("DeleteItem", "COSTS"),
];

fn ended(run: &str) -> Value {
    json!({"detail": {
        "name": run, "status": "FAILED", "error": "ProviderError", "cause": "as told",
        "stopDate": Timestamp::now().as_millisecond(),
    }})
}

/// A run of one node that was paid for, and whose execution has ended.
async fn paid(world: &World) -> String {
    let run = world.begin("hi").await;
    let function = world.sandbox.function("execute-node").await;
    assert_eq!(function.invoke(task(&run)).await["status"], "SUCCEEDED");
    run
}

/// Sweeps with a function of its own, after a minute.
async fn sweep(world: &World, run: &str) {
    for entry in world.sandbox.store.outbox().list(run).await.unwrap() {
        let word = entry.follow_up.as_str();
        world
            .sandbox
            .make_due(keys::outbox(run, entry.take, word))
            .await;
    }
    let function = world.sandbox.function("finish-run").await;
    let swept = function.invoke(json!({"sweep": "runs"})).await;
    assert!(swept.get("errorType").is_none(), "{swept}");
}

async fn agrees(world: &World, run: &str, told: &str) {
    let costs = world.sandbox.function("costs").await;
    let run = world.run(run).await;
    assert!(!decimal(&run["costUsd"]).is_zero());
    for by in ["day", "workflow", "model", "credential", "node"] {
        let answer = costs
            .http(Method::GET, &format!("/costs?by={by}"), None)
            .await;
        let found = rows(std::slice::from_ref(&answer.body));
        assert_eq!(found, expected(&[(run.clone(), "")], by), "{told}: {by}");
        assert_eq!(answer.body["open"]["ends"], 0, "{told}");
    }
}

#[tokio::test]
async fn finish_run_may_die_before_and_behind_every_request_that_adds_costs() {
    each_dies(&REQUESTS, dies).await;
}

async fn dies((operation, containing, meets): (&'static str, &'static str, Meets)) {
    let world = World::new().await;
    world.sandbox.executions();
    let run = paid(&world).await;
    let told = format!("{meets:?} at {operation} {containing}");
    let trouble = world.sandbox.trouble(operation, containing, 1, meets);
    let function = world.sandbox.function("finish-run").await;
    let answer = function.hand(ended(&run)).await;
    assert!(answer.await.is_err(), "{told}: there is no answer");
    assert!(trouble.is_over(), "{told}");
    sweep(&world, &run).await;
    agrees(&world, &run, &told).await;
    // It is told again, and swept again: nothing is added.
    let function = world.sandbox.function("finish-run").await;
    let again = function.invoke(ended(&run)).await;
    assert!(again.get("errorType").is_none(), "{again}");
    world.sandbox.make_due(keys::entered(&run)).await;
    sweep(&world, &run).await;
    agrees(&world, &run, &told).await;
}

#[tokio::test]
async fn two_ends_that_are_told_at_the_same_moment_add_once() {
    let world = World::new().await;
    world.sandbox.executions();
    let run = paid(&world).await;
    let functions = [
        world.sandbox.function("finish-run").await,
        world.sandbox.function("finish-run").await,
        world.sandbox.function("finish-run").await,
    ];
    let told = functions
        .iter()
        .map(|function| function.invoke(ended(&run)));
    for answer in futures_util::future::join_all(told).await {
        assert!(answer.get("errorType").is_none(), "{answer}");
    }
    agrees(&world, &run, "at once").await;
}

#[tokio::test]
async fn answers_of_aws_that_do_not_come_add_nothing_twice() {
    let world = World::new().await;
    world.sandbox.executions();
    let run = paid(&world).await;
    let held = Meets::AnswerHeldBack;
    let trouble = world
        .sandbox
        .trouble("TransactWriteItems", "entries", 1, held);
    // The function waits 15 seconds for an answer, then asks again.
    let function = world.sandbox.function_for("finish-run", 60).await;
    let answer = function.invoke(ended(&run)).await;
    assert!(answer.get("errorType").is_none(), "{answer}");
    assert!(trouble.is_over());
    agrees(&world, &run, "held back").await;
}
