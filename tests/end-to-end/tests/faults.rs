//! Whatever fault OpenRouter's answers have, a run ends as it should and every attempt is recorded. The recorded costs
//! are those that were charged, call by call, to the last digit.

use std::collections::BTreeMap;

use end_to_end::{User, decimal, list, node, text};
use futures_util::{StreamExt, stream};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// How many runs go on at once.
const AT_ONCE: usize = 12;

/// How a run ends, and after how many attempts.
#[derive(Debug, Clone, Copy)]
enum End {
    Succeeds(usize),
    Fails(&'static str, usize),
}

use End::{Fails, Succeeds};

/// Each fault as the stand-in is asked for it. `*1`: only the first call meets it. Nodes have two attempts.
const FAULTS: &[(&str, End)] = &[
    // What passes is tried again.
    ("rate-limit-own(retry_after=1)*1", Succeeds(2)),
    ("rate-limit-upstream(retry_after=1)*1", Succeeds(2)),
    ("in-flight-budget(retry_after=1)*1", Succeeds(2)),
    ("timeout-408*1", Succeeds(2)),
    ("internal-500*1", Succeeds(2)),
    ("provider-502*1", Succeeds(2)),
    ("unavailable-503(retry_after=1)*1", Succeeds(2)),
    ("edge-524*1", Succeeds(2)),
    ("overloaded-529*1", Succeeds(2)),
    ("html-502*1", Succeeds(2)),
    ("truncated-json*1", Succeeds(2)),
    ("empty-body*1", Succeeds(2)),
    ("error-in-200*1", Succeeds(2)),
    ("error-code-word*1", Succeeds(2)),
    ("choice-error*1", Succeeds(2)),
    ("empty-content*1", Succeeds(2)),
    ("content-null*1", Succeeds(2)),
    ("network-error-native*1", Succeeds(2)),
    ("stream-error-first*1", Succeeds(2)),
    ("stream-error-mid*1", Succeeds(2)),
    ("stream-error-mid-no-done*1", Succeeds(2)),
    ("stream-cut*1", Succeeds(2)),
    ("unfinished*1", Succeeds(2)),
    ("stall*1", Succeeds(2)),
    ("stall(after=2)*1", Succeeds(2)),
    // What has not passed by the last attempt fails under its own name.
    (
        "rate-limit-own(retry_after=1)",
        Fails("RateLimitExceeded", 2),
    ),
    (
        "rate-limit-upstream(retry_after=1)",
        Fails("RateLimitExceeded", 2),
    ),
    (
        "in-flight-budget(retry_after=1)",
        Fails("InFlightBudget", 2),
    ),
    ("internal-500", Fails("InternalUpstream", 2)),
    ("provider-502", Fails("ProviderError", 2)),
    ("overloaded-529", Fails("ProviderOverloaded", 2)),
    ("edge-524", Fails("UpstreamTimeout", 2)),
    ("error-in-200", Fails("ProviderError", 2)),
    ("empty-content", Fails("EmptyAnswer", 2)),
    ("stream-error-mid", Fails("ProviderError", 2)),
    ("stream-cut", Fails("StreamCut", 2)),
    ("unfinished", Fails("StreamCut", 2)),
    ("stall", Fails("TotalTimeout", 2)),
    // What cannot pass is not tried again.
    ("rate-limit-free-day", Fails("RateLimitExceeded", 1)),
    ("no-credits", Fails("InsufficientCredits", 1)),
    ("fewer-max-tokens", Fails("InsufficientCredits", 1)),
    ("key-limit", Fails("KeyLimitExceeded", 1)),
    ("moderation", Fails("ContentModerated", 1)),
    ("no-endpoints", Fails("ModelNotFound", 1)),
    ("no-endpoints-tools", Fails("NoEndpoints", 1)),
    ("no-endpoints-data-policy", Fails("NoEndpoints", 1)),
    ("no-endpoints-params", Fails("NoEndpoints", 1)),
    ("no-endpoints-providers", Fails("NoEndpoints", 1)),
    ("invalid-model", Fails("ModelNotFound", 1)),
    ("context-length", Fails("ContextLengthExceeded", 1)),
    ("zod-error", Fails("InvalidRequest", 1)),
    ("too-large-413", Fails("InvalidRequest", 1)),
    ("html-200", Fails("UnexpectedAnswer", 1)),
    ("reasoning-only", Fails("OutputTruncated", 1)),
    // What only looks like a fault.
    ("stream-no-done", Succeeds(1)),
    ("usage-choices-empty", Succeeds(1)),
    ("usage-old-shape", Succeeds(1)),
    ("no-usage", Succeeds(1)),
    ("comments", Succeeds(1)),
    ("utf8-split", Succeeds(1)),
    ("crlf", Succeeds(1)),
    ("half-characters", Succeeds(1)),
    ("garbled-event", Succeeds(1)),
    ("slow-headers(ms=700)", Succeeds(1)),
    ("slow-body(ms=20)", Succeeds(1)),
    ("refusal", Succeeds(1)),
    ("tool-calls", Succeeds(1)),
    // Part of the text came; the answer says why it ends.
    ("content-filter", Succeeds(1)),
];

#[tokio::test]
async fn every_fault_ends_as_it_should_and_costs_what_was_charged() {
    let wrong: Vec<String> = stream::iter(FAULTS)
        .map(|(fault, end)| async move { meet(fault, *end).await.err() })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn meet(fault: &str, end: End) -> Result<(), String> {
    let user = User::with_credential().await;
    let seconds = if fault.starts_with("stall") { 4 } else { 60 };
    let workflow = user
        .workflow_with(json!({
            // The run ends before midnight.
            "limits": {"timeoutSeconds": 120},
            "nodes": [{
                "variableName": "x", "userPrompt": format!("[[fault:{fault}]] {fault}"),
                "retry": {"maxAttempts": 2}, "timeoutSeconds": seconds,
            }],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let ended = user.ended(&run).await;
    let (status, code, attempts) = match end {
        Succeeds(attempts) => ("SUCCEEDED", Value::Null, attempts),
        Fails(code, attempts) => ("FAILED", json!(code), attempts),
    };
    let x = node(&ended, "x");
    let found = (
        &ended["status"],
        &ended["error"]["code"],
        list(&x["attempts"]).len(),
    );
    if found != (&json!(status), &code, attempts) {
        return Err(format!(
            "{fault}: {found:?}, not {end:?}: {:#}",
            x["attempts"]
        ));
    }
    // OpenRouter tells some costs only after a while.
    let charged = user.charged().await;
    let ended = user
        .run_when(&run, |run| decimal(&run["costUsd"]) == charged)
        .await;
    let recorded: BTreeMap<String, Decimal> = list(&node(&ended, "x")["attempts"])
        .iter()
        .filter(|attempt| attempt["generationId"].is_string())
        .map(|attempt| (text(&attempt["generationId"]), decimal(&attempt["costUsd"])))
        .filter(|(_, cost)| !cost.is_zero())
        .collect();
    let paid: BTreeMap<String, Decimal> = user
        .ledger()
        .await
        .iter()
        .map(|entry| (text(&entry["id"]), decimal(&entry["cost"])))
        .filter(|(_, cost)| !cost.is_zero())
        .collect();
    if recorded != paid {
        return Err(format!("{fault}: recorded {recorded:?}, paid {paid:?}"));
    }
    Ok(())
}

#[tokio::test]
async fn a_text_that_comes_in_half_characters_or_beside_a_garbled_event_is_whole() {
    let user = User::with_credential().await;
    for fault in ["half-characters", "garbled-event"] {
        let prompt = format!("[[echo]][[fault:{fault}]]Grüße 😀😀 \\\\ud83d 🌍 {fault}");
        let nodes = json!([{"variableName": "x", "userPrompt": prompt}]);
        let run = user.run(nodes, json!({})).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        let x = node(&run, "x");
        let said = format!("Grüße 😀😀 \\\\ud83d 🌍 {fault}");
        assert_eq!(x["output"]["text"], said);
        assert_eq!(list(&x["attempts"]).len(), 1);
    }
}

#[tokio::test]
async fn a_key_that_may_not_pay_fails_the_node_at_once() {
    for (state, code) in [
        ("revoked", "InvalidApiKey"),
        ("nocredits", "InsufficientCredits"),
        ("limited", "KeyLimitExceeded"),
        ("management", "PermissionDenied"),
    ] {
        let user = User::with_credential().await;
        user.stand_in_post("keys", &json!({"key": user.key, "state": state}))
            .await;
        let nodes = json!([{"variableName": "x", "userPrompt": "hi"}]);
        let run = user.run(nodes, json!({})).await;
        assert_eq!(run["error"]["code"], code, "{run:#}");
        assert_eq!(list(&node(&run, "x")["attempts"]).len(), 1, "{run:#}");
        assert_eq!(user.ledger().await.len(), 0);
    }
}
