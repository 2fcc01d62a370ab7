//! A run that is cancelled ends as ABORTED. Its calls are dropped at once, and what they cost is recorded.

use end_to_end::{User, aws, decimal, execution_arn, invoke, list, node, text};
use rust_decimal::Decimal;
use serde_json::json;

#[tokio::test]
async fn a_stream_in_flight_is_dropped_and_recorded_with_what_it_cost() {
    let user = User::with_credential().await;
    // Left alone it would stream for minutes.
    let prompt = format!(
        "[[fault:slow-body(ms=400)]] [[repeat:400000]] {}",
        user.name
    );
    let workflow = user
        .workflow(json!([
            {"variableName": "x", "userPrompt": prompt, "maxTokens": 100_000},
            {"variableName": "y", "userPrompt": "{{x.text}}"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.run_when(&run, |run| {
        node(run, "x")["attempts"][0]["generationId"].is_string()
    })
    .await;

    let path = format!("/runs/{run}/cancel");
    let reason = format!("too slow with {}", user.key);
    let cancelled = user.post(&path, &json!({ "reason": reason })).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    assert_eq!(cancelled.body["status"], "ABORTED");
    assert_eq!(cancelled.body["error"]["code"], "RunAborted");
    let cause = "too slow with [key removed]";
    assert_eq!(cancelled.body["error"]["cause"], cause);

    let run = user
        .run_when(&run, |run| {
            node(run, "x")["attempts"][0]["costUsd"].is_string()
        })
        .await;
    assert_eq!(run["status"], "ABORTED", "{run:#}");
    let x = node(&run, "x");
    assert_eq!(x["status"], "FAILED");
    assert_eq!(x["error"]["code"], "RunAborted");
    assert_eq!(node(&run, "y")["status"], "SKIPPED");
    let ledger = user.ledger().await;
    assert_eq!(ledger.len(), 1, "{ledger:?}");
    assert_eq!(ledger[0]["cancelled"], true);
    assert_eq!(ledger[0]["id"], x["attempts"][0]["generationId"]);
    assert!(user.charged().await > Decimal::ZERO);
    assert_eq!(decimal(&run["costUsd"]), user.charged().await);

    let again = user.post(&path, &json!({})).await;
    assert_eq!(again.status, 200, "a repeated cancel changes nothing");
    assert_eq!(again.body["error"]["cause"], cause);
    let execution = aws_sdk_sfn::Client::new(&aws().await)
        .describe_execution()
        .execution_arn(execution_arn(&text(&run["id"])))
        .send()
        .await
        .expect("the execution is known");
    assert!(execution.stop_date.is_some(), "{execution:?}");
    assert!(!format!("{execution:?}").contains(&user.key));
}

#[tokio::test]
async fn a_node_that_waits_is_never_called_again() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-own(retry_after=5)*1]] {}", user.name);
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "x").await;
    let cancelled = user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    assert_eq!(node(&cancelled.body, "x")["status"], "SKIPPED");
    // Even if the state machine asked for it, as soon as the wait is over.
    let task = json!({"runId": run, "execution": 1, "nodeId": "x", "needs": []});
    let refused = loop {
        let answer = invoke("execute-node", &task);
        if answer["status"] != "WAIT" {
            break answer;
        }
    };
    assert_eq!(refused["errorType"], "RunEnded", "{refused}");
    assert_eq!(user.ledger().await.len(), 0);
    let run = user.get(&format!("/runs/{run}")).await.body;
    assert_eq!(run["status"], "ABORTED");
    assert_eq!(list(&node(&run, "x")["attempts"]).len(), 1);
}

#[tokio::test]
async fn what_has_ended_cannot_be_cancelled() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": "hi"}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let path = format!("/runs/{}/cancel", text(&run["id"]));
    let refused = user.post(&path, &json!({})).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["code"], "RunEnded");
    let unknown = user.post("/runs/nowhere/cancel", &json!({})).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.body["code"], "RunNotFound");
}
