//! The sweeps: a run whose execution vanished, or whose end was not reported, is closed; and the cost of a call whose
//! function died is found out.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{
    User, aws, decimal, execution_arn, invoke, item_key, node, noise, stack_store, table, text,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use steps_store::{Attempt, Claim, Claimed, Ended, Outcome, RunStatus, Store, keys};
use tokio::time::sleep;

use crate::sandboxed::record;

/// A run of one node `x` that was recorded ten minutes ago, and nothing else.
async fn recorded(store: &Store, user: &User, credential: &str) -> String {
    let started_at = Timestamp::now() - SignedDuration::from_mins(10);
    let node = json!({"userPrompt": "hi"});
    record(store, node, (&user.name, credential), started_at).await
}

fn sweep() {
    let answer = invoke("finish-run", &json!({"sweep": "runs"}));
    assert!(answer.get("errorType").is_none(), "{answer}");
}

#[tokio::test]
async fn a_run_without_an_execution_is_closed_and_can_be_resumed() {
    let user = User::new("good");
    let credential = user.store_credential().await;
    let run = recorded(&stack_store().await, &user, &credential).await;
    sweep();
    let closed = user.ended(&run).await;
    assert_eq!(closed["status"], "FAILED", "{closed:#}");
    assert_eq!(closed["error"]["code"], "ExecutionVanished");
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
}

#[tokio::test]
async fn an_end_that_went_unheard_is_found() {
    let user = User::with_credential().await;
    for (prompt, status) in [("hi", "SUCCEEDED"), ("[[fault:no-credits]]", "FAILED")] {
        let ended = user
            .run(
                json!([{"variableName": "x", "userPrompt": prompt}]),
                json!({}),
            )
            .await;
        assert_eq!(ended["status"], status, "{ended:#}");
        let run = text(&ended["id"]);
        unhear(&run, &ended["startedAt"]).await;
        sweep();
        let found = user.get(&format!("/runs/{run}")).await.body;
        assert_eq!(found["status"], status, "{found:#}");
        assert_eq!(found["error"], ended["error"]);
    }
}

#[tokio::test]
async fn an_execution_that_outlives_its_run_is_stopped() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-own(retry_after=60)]] {}", user.name);
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "x").await;
    unhear(&run, &json!("2026-11-23T00:00:00.000Z")).await;
    sweep();
    let ended = user.get(&format!("/runs/{run}")).await.body;
    assert_eq!(ended["status"], "TIMED_OUT", "{ended:#}");
    let execution = aws_sdk_sfn::Client::new(&aws().await)
        .describe_execution()
        .execution_arn(execution_arn(&run))
        .send()
        .await
        .expect("there is an execution");
    assert_eq!(execution.status().as_str(), "ABORTED");
}

/// Makes the record look as if the event of the run's end had been lost. The run may take until `deadline`.
async fn unhear(run: &str, deadline: &Value) {
    let s = |text: &str| AttributeValue::S(text.to_owned());
    aws_sdk_dynamodb::Client::new(&aws().await)
        .update_item()
        .table_name(table())
        .set_key(Some(item_key(keys::run(run))))
        .update_expression("SET #status = :running, #due = :run, dueAt = :past, deadline = :deadline REMOVE endedAt")
        .expression_attribute_names("#status", "status")
        .expression_attribute_names("#due", "due")
        .expression_attribute_values(":running", s("RUNNING"))
        .expression_attribute_values(":run", s("RUN"))
        .expression_attribute_values(":past", s("2026-11-23T00:00:00.000Z"))
        .expression_attribute_values(":deadline", s(&text(deadline)))
        .send()
        .await
        .expect("the record is there");
}

#[tokio::test]
async fn what_a_call_cost_whose_function_died_is_asked_for_after_the_runs_end() {
    let user = User::new("good");
    let credential = user.store_credential().await;
    let paid = user
        .run(
            json!([{"variableName": "x", "userPrompt": "hi"}]),
            json!({}),
        )
        .await;
    let generation = text(&node(&paid, "x")["attempts"][0]["generationId"]);

    let store = stack_store().await;
    let run = recorded(&store, &user, &credential).await;
    let past = Timestamp::now() - SignedDuration::from_mins(10);
    let claim = Claim {
        run_id: &run,
        execution: 1,
        lane: 1,
        workflow_id: "recorded",
        node_id: "x",
        seen: None,
        now: past,
        lease: Duration::from_secs(1),
        watched: false,
        reserve: None,
    };
    let Claimed::Granted(lease) = store.nodes().claim(&claim).await.unwrap() else {
        panic!("nobody else knows of the run");
    };
    store
        .nodes()
        .note_generation(&lease, &generation)
        .await
        .unwrap();
    let ended = Ended {
        execution: 1,
        status: RunStatus::Failed,
        at: past,
        error: None,
    };
    assert!(store.runs().end(&run, &ended).await.unwrap());
    store.nodes().mark_costs_due(&run, past).await.unwrap();
    let before = user.get(&format!("/runs/{run}")).await.body;
    assert_eq!(node(&before, "x")["status"], "FAILED", "{before:#}");
    assert_eq!(node(&before, "x")["error"]["code"], "NodeLost");

    // OpenRouter writes a generation down a while after it ended.
    let path = format!("/generation?id={generation}");
    while user.ask_openrouter(&user.key, &path).await.status != 200 {}
    let answer = invoke("execute-node", &json!({"recover": "costs"}));
    assert_eq!(answer["status"], "RECOVERED", "{answer}");
    let run = user.get(&format!("/runs/{run}")).await.body;
    assert_eq!(decimal(&run["costUsd"]), decimal(&paid["costUsd"]));
    assert_eq!(decimal(&node(&run, "x")["costUsd"]), user.charged().await);
}

/// The run's next look is due now.
async fn be_due(run: &str) {
    aws_sdk_dynamodb::Client::new(&aws().await)
        .update_item()
        .table_name(table())
        .set_key(Some(item_key(keys::run(run))))
        .update_expression("SET dueAt = :past")
        .expression_attribute_values(
            ":past",
            AttributeValue::S("2026-11-23T00:00:00.000Z".to_owned()),
        )
        .send()
        .await
        .expect("the record is there");
}

/// A run of three nodes in two lanes, of which both sleep: the third node is not listed any more.
async fn asleep(user: &User) -> String {
    let slow = format!("[[fault:slow-headers(ms=3000)]] {}", user.name);
    let workflow = user
        .workflow_with(json!({
            // So long that its text lies in S3.
            "description": noise(250_000),
            "limits": {"maxConcurrency": 2},
            "nodes": [
                {"variableName": "a", "userPrompt": slow},
                {"variableName": "b", "userPrompt": slow},
                {"variableName": "c", "userPrompt": "at last"},
            ],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    aws_sdk_dynamodb::Client::new(&aws().await)
        .delete_item()
        .table_name(table())
        .set_key(Some(item_key(keys::ready(&run, 0, "c"))))
        .send()
        .await
        .expect("the table answers");
    let lanes = stack_store().await.lanes();
    loop {
        let asleep = lanes.list(&run).await.unwrap();
        let settled: usize = asleep.iter().map(|lane| lane.settled).sum();
        if settled == 2 && asleep.iter().filter(|lane| lane.token.is_some()).count() == 2 {
            return run;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_ready_node_that_no_lane_knows_of_is_listed_again() {
    let user = User::with_credential().await;
    let run = asleep(&user).await;
    be_due(&run).await;
    sweep();
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    assert_eq!(user.ledger().await.len(), 3, "each node is paid once");
}

#[tokio::test]
async fn lanes_that_sleep_in_a_run_that_is_done_are_ended() {
    let user = User::with_credential().await;
    let run = asleep(&user).await;
    let nodes = stack_store().await.nodes();
    let claim = Claim {
        run_id: &run,
        execution: 1,
        lane: 0,
        workflow_id: "recorded",
        node_id: "c",
        seen: None,
        now: Timestamp::now(),
        lease: Duration::from_secs(60),
        watched: false,
        reserve: None,
    };
    let Claimed::Granted(lease) = nodes.claim(&claim).await.unwrap() else {
        panic!("no lane knows of the node");
    };
    let answer = json!({"text": "by another function"});
    let attempt = Attempt::default();
    let outcome = Outcome::Succeeded(&answer);
    let settled = nodes.settle(&lease, &attempt, &outcome, false, Timestamp::now());
    assert!(settled.await.unwrap());
    be_due(&run).await;
    sweep();
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    assert_eq!(ended["output"]["c"]["text"], "by another function");
}
