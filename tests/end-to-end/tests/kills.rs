//! A function may die at any point. Where an answer was stored, the model is not called again; where an answer was
//! lost, the call is recorded with its cost.

use std::time::{Duration, Instant};

use end_to_end::{Meets, list, node};
use serde_json::{Value, json};

use crate::sandboxed::{World, task};

/// Hands the task to another function once the lease of the dead one has ended.
async fn again(world: &World, run: &str) -> Value {
    let next = world.sandbox.function("execute-node").await;
    let early = next.invoke(task(run)).await;
    if early["status"] == "WAIT" {
        assert!(early["seconds"].as_u64().unwrap() <= 60, "{early}");
        world.sandbox.let_leases_end(run).await;
        return next.invoke(task(run)).await;
    }
    early
}

/// Hands the run's task to a function, and kills it once a call of AWS with this text in it has met trouble, and the
/// record is as `then` says.
async fn dies_at(
    world: &World,
    run: &str,
    (operation, containing, meets): (&'static str, &'static str, Meets),
    then: impl Fn(&Value) -> bool,
) {
    let function = world.sandbox.function("execute-node").await;
    let trouble = world.sandbox.trouble(operation, containing, 1, meets);
    let _lost = function.hand(task(run)).await;
    trouble.met().await;
    world.run_when(run, then).await;
    function.kill().await;
}

fn has_generation(run: &Value) -> bool {
    let first = attempts(run).first();
    first.is_some_and(|attempt| attempt["generationId"].is_string())
}

fn attempts(run: &Value) -> &[Value] {
    list(&node(run, "x")["attempts"])
}

#[tokio::test]
async fn killed_after_the_claim_and_before_the_call() {
    let world = World::new().await;
    let run = world.begin("hi").await;
    let point = ("TransactWriteItems", "", Meets::AnswerHeldBack);
    dies_at(&world, &run, point, |run| {
        node(run, "x")["status"] == "RUNNING"
    })
    .await;

    assert_eq!(again(&world, &run).await["status"], "SUCCEEDED");
    let ended = world.agrees_with_the_ledger(&run).await;
    assert_eq!(attempts(&ended).len(), 2, "{ended:#}");
    assert!(attempts(&ended)[0]["generationId"].is_null());
    assert_eq!(world.paid().await, 1);
}

#[tokio::test]
async fn killed_in_the_middle_of_the_stream() {
    let world = World::new().await;
    let run = world
        .begin("[[fault:slow-body(ms=300)*1]] [[repeat:20000]]")
        .await;
    let function = world.sandbox.function("execute-node").await;
    let _lost = function.hand(task(&run)).await;
    world.run_when(&run, has_generation).await;
    function.kill().await;

    assert_eq!(again(&world, &run).await["status"], "SUCCEEDED");
    let ended = world.agrees_with_the_ledger(&run).await;
    assert_eq!(attempts(&ended).len(), 2, "{ended:#}");
    assert_eq!(world.paid().await, 2, "the lost one is recorded too");
    assert_eq!(world.sandbox.ledger().await[0]["cancelled"], true);
}

#[tokio::test]
async fn killed_after_the_answer_and_before_the_store() {
    let world = World::new().await;
    let run = world.begin("hi").await;
    let point = ("TransactWriteItems", "SUCCEEDED", Meets::HeldBack);
    dies_at(&world, &run, point, |_| true).await;

    assert_eq!(again(&world, &run).await["status"], "SUCCEEDED");
    let ended = world.agrees_with_the_ledger(&run).await;
    assert_eq!(attempts(&ended).len(), 2, "{ended:#}");
    assert_eq!(world.paid().await, 2, "the lost one is recorded too");
}

#[tokio::test]
async fn killed_after_the_store_and_before_the_reply() {
    let world = World::new().await;
    let run = world.begin("hi").await;
    let point = ("TransactWriteItems", "SUCCEEDED", Meets::AnswerHeldBack);
    dies_at(&world, &run, point, |run| {
        node(run, "x")["status"] == "SUCCEEDED"
    })
    .await;

    let before = world.sandbox.ledger().await;
    assert_eq!(again(&world, &run).await["status"], "SUCCEEDED");
    assert_eq!(
        world.sandbox.ledger().await,
        before,
        "it is not called again"
    );
    let ended = world.agrees_with_the_ledger(&run).await;
    assert_eq!(attempts(&ended).len(), 1, "{ended:#}");
    assert_eq!(world.paid().await, 1);
}

#[tokio::test]
async fn killed_between_the_store_and_the_question_for_the_cost() {
    let world = World::new().await;
    let run = world.begin("[[fault:no-usage*1]] hi").await;
    let point = ("TransactWriteItems", "SUCCEEDED", Meets::AnswerHeldBack);
    dies_at(&world, &run, point, |run| {
        node(run, "x")["status"] == "SUCCEEDED"
    })
    .await;
    assert_eq!(world.paid().await, 1);
    assert_eq!(world.run(&run).await["costUsd"], "0");

    let next = world.sandbox.function("execute-node").await;
    assert_eq!(next.invoke(task(&run)).await["status"], "SUCCEEDED");
    world.sandbox.let_costs_be_due(&run).await;
    // OpenRouter writes a generation down a while after its end.
    while world.run(&run).await["costUsd"] == "0" {
        let asked = next.invoke(json!({"recover": "costs"})).await;
        assert_eq!(asked["status"], "RECOVERED", "{asked}");
        world.sandbox.let_costs_be_due(&run).await;
    }
    world.agrees_with_the_ledger(&run).await;
    assert_eq!(world.paid().await, 1);
}

#[tokio::test]
async fn killed_while_the_generations_id_is_noted() {
    let world = World::new().await;
    let run = world
        .begin("[[fault:slow-body(ms=300)*1]] [[repeat:20000]]")
        .await;
    let point = ("UpdateItem", "generationId", Meets::AnswerHeldBack);
    dies_at(&world, &run, point, has_generation).await;

    assert_eq!(again(&world, &run).await["status"], "SUCCEEDED");
    let ended = world.agrees_with_the_ledger(&run).await;
    assert_eq!(attempts(&ended).len(), 2, "{ended:#}");
    assert_eq!(world.paid().await, 2);
}

#[tokio::test]
async fn of_two_copies_at_once_the_second_waits_for_the_firsts_lease() {
    let world = World::new().await;
    let run = world.begin("[[fault:slow-headers(ms=6000)*1]] hi").await;
    let first = world.sandbox.function("execute-node").await;
    let second = world.sandbox.function("execute-node").await;
    let answer = first.hand(task(&run)).await;
    world
        .run_when(&run, |run| node(run, "x")["status"] == "RUNNING")
        .await;
    let waits = second.invoke(task(&run)).await;
    assert_eq!(waits["status"], "WAIT", "{waits}");
    assert!((1..=60).contains(&waits["seconds"].as_u64().unwrap()));
    assert_eq!(answer.await.unwrap()["status"], "SUCCEEDED");
    for function in [first, second] {
        let repeated = function.invoke(task(&run)).await;
        assert_eq!(repeated["status"], "SUCCEEDED", "from the store");
    }
    let ended = world.agrees_with_the_ledger(&run).await;
    assert_eq!(attempts(&ended).len(), 1);
    assert_eq!(world.sandbox.ledger().await.len(), 1);
}

#[tokio::test]
async fn a_function_whose_time_runs_out_writes_why() {
    let world = World::new().await;
    let run = world.begin("[[fault:stall*1]] hi").await;
    // Lambda would end it after 18 seconds; 15 of them are kept back.
    let function = world.sandbox.function_for("execute-node", 18).await;
    let waits = function.invoke(task(&run)).await;
    assert_eq!(waits["status"], "WAIT", "{waits}");
    assert_eq!(waits["code"], "TotalTimeout", "{waits}");
    let waiting = world.run(&run).await;
    let attempt = &attempts(&waiting)[0];
    assert_eq!(attempt["code"], "TotalTimeout", "{waiting:#}");
    assert!(attempt["endedAt"].is_string());
}

#[tokio::test]
async fn a_cost_that_cannot_be_asked_for_does_not_stop_the_others() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for name in ["first", "second", "third"] {
        let prompt = format!("[[fault:no-usage*1]] {name}");
        let run = world.begin(&prompt).await;
        let point = ("TransactWriteItems", "SUCCEEDED", Meets::AnswerHeldBack);
        let stored = |run: &Value| node(run, "x")["status"] == "SUCCEEDED";
        dies_at(&world, &run, point, stored).await;
        assert_eq!(world.run(&run).await["costUsd"], "0");
        world.sandbox.let_costs_be_due(&run).await;
        runs.push(run);
    }
    let good = runs.remove(1);
    for bad in runs.clone() {
        let bad: &'static str = Box::leak(bad.into_boxed_str());
        let never = Meets::Refused("ValidationException");
        world.sandbox.trouble("BatchGetItem", bad, 1000, never);
    }
    let function = world.sandbox.function("execute-node").await;
    let began = Instant::now();
    while world.run(&good).await["costUsd"] == "0" {
        let asked = function.invoke(json!({"recover": "costs"})).await;
        let code = &asked["errorType"];
        assert!(code.is_null() || code == "RecordRefused", "{asked}");
        assert!(began.elapsed() < Duration::from_secs(30), "{asked}");
        world.sandbox.let_costs_be_due(&good).await;
    }
    for bad in &runs {
        assert_eq!(world.run(bad).await["costUsd"], "0");
    }
}

#[tokio::test]
async fn an_answer_is_read_on_while_the_table_is_slow() {
    let world = World::new().await;
    let run = world
        .begin("[[fault:slow-body(ms=400)*1]] [[repeat:2000]] hi")
        .await;
    let function = world.sandbox.function_for("execute-node", 120).await;
    let answer = function.hand(task(&run)).await;
    world.run_when(&run, has_generation).await;
    // The look at the run's head, and at whether it is watched, every two seconds: a lost answer is waited for 15 seconds.
    let trouble = world
        .sandbox
        .trouble("BatchGetItem", "\"WATCH\"", 1, Meets::AnswerHeldBack);
    trouble.met().await;
    let began = Instant::now();
    assert_eq!(answer.await.unwrap()["status"], "SUCCEEDED");
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
}
