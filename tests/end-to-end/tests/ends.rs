//! Whatever ends an execution closes the run's record, once.

use end_to_end::{User, aws, execution_arn, node};
use serde_json::json;

#[tokio::test]
async fn an_execution_that_is_stopped_leaves_an_aborted_run() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-own(retry_after=60)]] {}", user.name);
    let workflow = user
        .workflow(json!([
            {"variableName": "x", "userPrompt": prompt},
            {"variableName": "y", "userPrompt": "{{x.text}}"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "x").await;
    aws_sdk_sfn::Client::new(&aws().await)
        .stop_execution()
        .execution_arn(execution_arn(&run))
        .cause("not needed any more")
        .send()
        .await
        .expect("the execution runs");
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "ABORTED", "{run:#}");
    assert_eq!(run["error"]["code"], "RunAborted");
    assert_eq!(node(&run, "y")["status"], "SKIPPED");
    assert_eq!(user.ledger().await.len(), 0);
}

#[tokio::test]
async fn a_run_past_its_time_limit_is_timed_out() {
    let user = User::with_credential().await;
    let slow = format!("[[fault:slow-headers(ms=4000)]] {}", user.name);
    let workflow = user
        .workflow_with(json!({
            "limits": {"timeoutSeconds": 2},
            "nodes": [
                {"variableName": "x", "userPrompt": slow},
                {"variableName": "y", "userPrompt": "{{x.text}}"},
            ],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "TIMED_OUT", "{run:#}");
    assert_eq!(run["error"]["code"], "RunTimedOut");
    assert_eq!(node(&run, "y")["status"], "SKIPPED");
}
