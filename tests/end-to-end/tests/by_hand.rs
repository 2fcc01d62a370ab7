//! A node that failed or waits is given its output by hand, and its run goes on. Nothing is called for it, and nothing is
//! given over what is done or being worked on.

use std::time::{Duration, Instant};

use end_to_end::{User, decimal, list, node, noise, text};
use jiff::Timestamp;
use serde_json::{Value, json};

fn at(run: &str, node: &str) -> String {
    format!("/runs/{run}/nodes/{node}/output")
}

#[tokio::test]
async fn a_node_that_failed_is_given_its_output_and_the_run_is_resumed_with_it_at_no_further_cost()
{
    let root = User::with_credential().await;
    let (user, token) = root.with_scopes(&["admin"]).await;
    let refusal = format!("[[fault:no-credits]] {}", user.name);
    let workflow = user
        .workflow(json!([
            {"variableName": "first", "userPrompt": user.name},
            {"variableName": "second", "userPrompt": format!("{refusal} {{{{first.text}}}}")},
            {"type": "set", "variableName": "said", "value": "{{second.text}}!"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["node"], "second", "{failed:#}");
    let charged = user.charged().await;

    let given = json!({"output": {"text": "by hand"}});
    let put = user.put(&at(&run, "second"), &given).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    assert_eq!(put.body["status"], "FAILED");
    assert_eq!(put.body["byHand"]["principal"], token.as_str());
    // Until it is settled, another output may be given.
    let given = json!({"output": {"text": "by another hand"}});
    let put = user.put(&at(&run, "second"), &given).await;
    assert_eq!(put.status, 200, "{:?}", put.body);

    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert_eq!(ended["output"]["said"], "by another hand!");
    let second = node(&ended, "second");
    assert_eq!(second["status"], "SUCCEEDED");
    assert_eq!(second["byHand"]["principal"], token.as_str());
    let when: Timestamp = text(&second["byHand"]["at"]).parse().unwrap();
    assert!(when <= Timestamp::now());
    assert_eq!(list(&second["attempts"]).len(), 1, "{second:#}");
    assert_eq!(second["error"], Value::Null);
    assert!(node(&ended, "first")["byHand"].is_null());
    assert_eq!(user.charged().await, charged);
    assert_eq!(decimal(&ended["costUsd"]), charged);

    // Whoever takes the answer over sees whose it is.
    let again = format!("/runs/{run}/rerun");
    let again = user.post(&again, &json!({"from": "said"})).await;
    let repeated = user.ended(&text(&again.body["id"])).await;
    let second = node(&repeated, "second");
    assert_eq!(second["reusedFrom"], run.as_str(), "{repeated:#}");
    assert_eq!(second["byHand"]["principal"], token.as_str());

    for (name, why) in [("second", "it is done"), ("first", "it is done")] {
        let refused = user.put(&at(&run, name), &given).await;
        assert_eq!(refused.status, 409, "{:?}", refused.body);
        assert_eq!(refused.body["code"], "NodeNotWaiting");
        assert!(
            text(&refused.body["cause"]).contains(why),
            "{:?}",
            refused.body
        );
    }
    let audit = user.get(&format!("/audit?subject=runs/{run}")).await;
    let rows = list(&audit.body["audit"]).iter();
    let rows = rows.filter(|row| row["action"] == "PUT /runs/{id}/nodes/{node}/output");
    assert_eq!(rows.count(), 2, "{:?}", audit.body);
}

#[tokio::test]
async fn a_node_that_waits_is_given_its_output_and_a_lane_that_sleeps_goes_on_with_it_at_once() {
    let user = User::with_credential().await;
    let wait = format!("[[fault:rate-limit-own(retry_after=40)]] {}", user.name);
    let workflow = user
        .workflow(json!([
            {"variableName": "slow", "userPrompt": wait},
            {"type": "set", "variableName": "quick", "value": "1"},
            {"type": "set", "variableName": "both", "value": "{{quick}} {{len slow.text}}"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "slow").await;
    user.run_when(&run, |run| node(run, "quick")["status"] == "SUCCEEDED")
        .await;
    let pending = user.put(&at(&run, "both"), &json!({"output": 1})).await;
    assert_eq!(pending.body["code"], "NodeNotWaiting", "{:?}", pending.body);
    // It lies in the bucket.
    let words = noise(200_000);
    let began = Instant::now();
    let given = json!({"output": {"text": words}});
    let put = user.put(&at(&run, "slow"), &given).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    let both = user
        .run_when(&run, |run| node(run, "both")["status"] == "SUCCEEDED")
        .await;
    assert!(began.elapsed() < Duration::from_secs(30), "{both:#}");
    assert_eq!(node(&both, "both")["output"], format!("1 {}", words.len()));
    assert_eq!(list(&node(&both, "slow")["attempts"]).len(), 1);
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert_eq!(node(&ended, "slow")["costUsd"], "0");
    assert!(user.ledger().await.is_empty());
}

#[tokio::test]
async fn nothing_is_given_to_a_node_that_is_being_worked_on_nor_by_whom_the_scope_does_not_allow() {
    let user = User::with_credential().await;
    let slow = format!("[[fault:slow-headers(ms=6000)]] {}", user.name);
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": slow}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.run_when(&run, |run| node(run, "x")["status"] == "RUNNING")
        .await;
    let given = json!({"output": {"text": "no"}});
    let refused = user.put(&at(&run, "x"), &given).await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert!(
        text(&refused.body["cause"]).contains("worked on"),
        "{:?}",
        refused.body
    );
    let (runner, _) = user.with_scopes(&["read", "run"]).await;
    let refused = runner.put(&at(&run, "x"), &given).await;
    assert_eq!(refused.status, 403, "{:?}", refused.body);
    let unknown = user.put(&at(&run, "y"), &given).await;
    assert_eq!(unknown.body["code"], "NodeNotFound", "{:?}", unknown.body);
    let ended = user.ended(&run).await;
    assert_ne!(node(&ended, "x")["output"]["text"], "no");
    assert!(node(&ended, "x")["byHand"].is_null());
}
