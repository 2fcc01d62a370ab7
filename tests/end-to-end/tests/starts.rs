//! A delivery that was asked for starts one run, wherever the function dies that starts it and whatever of AWS fails: the
//! sender sends it again, or the sweep finds the run.

use end_to_end::{Meets, list, text};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use crate::sandboxed::{World, each_dies};

/// A world in which the workflow `started` is there.
async fn world() -> World {
    let world = World::new().await;
    let document = json!({"name": "started", "nodes": [
        {"variableName": "x", "type": "set", "value": "hi"},
        {"variableName": "y", "type": "openrouter", "credential": "main", "userPrompt": "hi"},
    ]});
    let workflows = world.sandbox.function("workflows").await;
    let put = workflows
        .http(Method::PUT, "/workflows/started", Some(&document))
        .await;
    assert!(put.status.is_success(), "{:?}", put.body);
    // From now on executions are only noted.
    world.sandbox.executions();
    world
}

/// The delivery `once`.
fn delivery() -> Value {
    json!({
        "version": "2.0", "rawPath": "/workflows/started/runs",
        "pathParameters": {"id": "started"}, "headers": {"idempotency-key": "once"},
        "requestContext": {
            "routeKey": "POST /workflows/{id}/runs", "stage": "$default",
            "authorizer": {"lambda": {"principal": "root", "scopes": "read run admin"}},
            "http": {"method": "POST", "path": "/workflows/started/runs"},
        },
        "isBase64Encoded": false,
    })
}

/// The ids of all runs, and of those the ids for which an execution was started.
async fn runs(world: &World) -> (Vec<String>, Vec<String>) {
    let runs = world.sandbox.function("runs").await;
    let listed = runs.http(Method::GET, "/runs", None).await.body;
    let ids = list(&listed["runs"]).iter().map(|run| text(&run["id"]));
    let started = world.sandbox.executions();
    let mut executed: Vec<String> = started.iter().map(|input| text(&input["runId"])).collect();
    // An execution that is started twice under one name is one.
    executed.sort();
    executed.dedup();
    (ids.collect(), executed)
}

/// Sends the delivery again; there is one run then, whose execution was started.
async fn is_one_run(world: &World, told: &str) {
    let function = world.sandbox.function("start-run").await;
    let answer = function.invoke(delivery()).await;
    assert_eq!(answer["statusCode"], 202, "{told}: {answer}");
    let (ids, executed) = runs(world).await;
    assert_eq!(ids.len(), 1, "{told}: {ids:?}");
    assert_eq!(executed, ids, "{told}");
}

/// The requests of a start, in their order.
const REQUESTS: [(&str, &str); 6] = [
    ("GetItem", "started"),
    ("Query", "CREDENTIALS"),
    ("TransactWriteItems", "IDENTITY"),
    ("PutItem", "READY"),
    ("StartExecution", ""),
    ("UpdateItem", "CREDENTIALS"),
];

#[tokio::test]
async fn start_run_may_die_before_and_behind_every_request_and_the_repeat_is_the_same_run() {
    let dies = async |(operation, containing, meets)| {
        let told = format!("{meets:?} at {operation} {containing}");
        let world = world().await;
        let trouble = world.sandbox.trouble(operation, containing, 1, meets);
        let function = world.sandbox.function("start-run").await;
        let answer = function.hand(delivery()).await;
        assert!(answer.await.is_err(), "{told}: there is no answer");
        assert!(trouble.is_over(), "{told}");
        is_one_run(&world, &told).await;
    };
    each_dies(&REQUESTS, dies).await;
}

#[tokio::test]
async fn answers_of_aws_that_do_not_come_start_one_run() {
    let cases = stream::iter(REQUESTS);
    let held = async |(operation, containing)| {
        let told = format!("{operation} {containing}");
        let world = world().await;
        let meets = Meets::AnswerHeldBack;
        let trouble = world.sandbox.trouble(operation, containing, 1, meets);
        // The function waits 15 seconds for an answer, then asks again.
        let function = world.sandbox.function_for("start-run", 60).await;
        let answer = function.invoke(delivery()).await;
        assert_eq!(answer["statusCode"], 202, "{told}: {answer}");
        assert!(trouble.is_over(), "{told}");
        is_one_run(&world, &told).await;
    };
    cases.for_each_concurrent(6, held).await;
}

#[tokio::test]
async fn a_run_that_no_repeat_comes_for_is_closed_by_the_sweep() {
    let world = world().await;
    let meets = Meets::DiesAfter;
    let trouble = world
        .sandbox
        .trouble("TransactWriteItems", "IDENTITY", 1, meets);
    let function = world.sandbox.function("start-run").await;
    assert!(function.hand(delivery()).await.await.is_err());
    assert!(trouble.is_over());
    let (ids, executed) = runs(&world).await;
    assert_eq!((ids.len(), executed.len()), (1, 0));
    world.sandbox.let_run_be_due(&ids[0]).await;
    let finish_run = world.sandbox.function("finish-run").await;
    let swept = finish_run.invoke(json!({"sweep": "runs"})).await;
    assert!(swept.get("errorType").is_none(), "{swept}");
    let run = world.run(&ids[0]).await;
    assert_eq!(run["error"]["code"], "ExecutionVanished", "{run:#}");
}
