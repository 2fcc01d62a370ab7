//! After a failure that may pass, a node waits as long as OpenRouter says. No function is held meanwhile.

use std::time::Instant;

use end_to_end::{User, list, node, text};
use jiff::Timestamp;
use serde_json::json;

#[tokio::test]
async fn a_rate_limited_call_waits_and_is_paid_once() {
    let user = User::with_credential().await;
    let prompt = format!(
        "[[fault:rate-limit-own(retry_after=4)*1]][[echo]]hi {}",
        user.name
    );
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await;
    let began = Instant::now();
    let run = user.trigger(&workflow, &json!({})).await;
    let waiting = user
        .run_when(&run, |run| {
            node(run, "x")["status"] != "PENDING" && node(run, "x")["status"] != "RUNNING"
        })
        .await;
    let x = node(&waiting, "x");
    assert_eq!(x["status"], "WAITING", "{waiting:#}");
    assert_eq!(x["error"]["code"], "RateLimitExceeded");
    assert!(x["waitUntil"].is_string());
    let run = user.ended(&run).await;
    assert!(began.elapsed().as_secs() >= 4, "it did not wait");
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let x = node(&run, "x");
    assert_eq!(list(&x["attempts"]).len(), 2);
    assert_eq!(x["attempts"][0]["code"], "RateLimitExceeded");
    assert_eq!(x["attempts"][0]["waitSeconds"], 4);
    assert_eq!(user.ledger().await.len(), 1, "paid calls");

    // Step Functions did the waiting: no invocation lasted that long.
    for attempt in list(&x["attempts"]) {
        let began: Timestamp = text(&attempt["startedAt"]).parse().unwrap();
        let ended: Timestamp = text(&attempt["endedAt"]).parse().unwrap();
        assert!(ended.duration_since(began).as_secs() < 3, "{attempt}");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_ends_after_the_last_attempt() {
    let user = User::with_credential().await;
    let passes = format!(
        "[[fault:unavailable-503(retry_after=1)*1]][[echo]]ok {}",
        user.name
    );
    let stays = format!("[[fault:unavailable-503(retry_after=1)]] {}", user.name);
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": passes}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": stays, "retry": {"maxAttempts": 2}}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    assert_eq!(list(&node(&run, "x")["attempts"]).len(), 2);
    assert_eq!(user.ledger().await.len(), 1);
}

#[tokio::test]
async fn the_free_models_of_a_day_are_waited_for_until_midnight_utc() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-free-day]] {}", user.name);
    let workflow = user
        .workflow_with(json!({
            "limits": {"timeoutSeconds": 86_400},
            "nodes": [{"variableName": "x", "userPrompt": prompt}],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let waiting = user.waiting(&run, "x").await;
    let until: Timestamp = text(&node(&waiting, "x")["waitUntil"]).parse().unwrap();
    let into_the_day = until.as_second() % 86_400;
    assert!(into_the_day <= 5, "{until} is not just after midnight");
    assert!(until > Timestamp::now());
    let cancelled = user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    assert_eq!(user.ledger().await.len(), 0);
}
