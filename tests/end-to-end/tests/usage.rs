//! What calls used is kept and shown for each attempt, node and run, to the last digit.

use end_to_end::{User, decimal, list, node, text};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_store::Usage;

/// What OpenRouter is to say of a call, in the words of its wire.
fn said() -> Value {
    json!({
        "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "is_byok": true,
        "prompt_tokens_details": {
            "cached_tokens": 20, "cache_write_tokens": 30, "audio_tokens": 4, "video_tokens": 5,
        },
        "completion_tokens_details": {"reasoning_tokens": 6, "audio_tokens": 7},
        "cost_details": {"upstream_inference_cost": 0.0000201, "server_tool_cost": 0.007},
        "server_tool_use_details": {
            "web_search_requests": 1, "tool_calls_requested": 3, "tool_calls_executed": 2,
        },
    })
}

/// The same as this system shows it, of so many calls.
fn shown(calls: u64) -> Value {
    let times = |amount: &str| {
        let amount: Decimal = amount.parse().unwrap();
        (amount * Decimal::from(calls)).to_string()
    };
    json!({
        "promptTokens": 100 * calls, "completionTokens": 10 * calls, "totalTokens": 110 * calls,
        "reasoningTokens": 6 * calls, "cachedTokens": 20 * calls, "cacheWriteTokens": 30 * calls,
        "audioTokens": 4 * calls, "audioOutputTokens": 7 * calls, "videoTokens": 5 * calls,
        "webSearchRequests": calls, "toolCallsRequested": 3 * calls,
        "toolCallsExecuted": 2 * calls, "serverToolCostUsd": times("0.007"),
        "upstreamCostUsd": times("0.0000201"), "isByok": true,
    })
}

fn with_tier(mut usage: Value) -> Value {
    usage["serviceTier"] = json!("flex");
    usage
}

fn with_tiers(mut usage: Value) -> Value {
    usage["serviceTiers"] = json!(["flex"]);
    usage
}

#[tokio::test]
async fn all_that_was_used_is_kept_for_each_attempt_and_added_up_for_node_and_run() {
    let user = User::with_credential().await;
    let prompt = format!("[[usage:{}]]", said());
    let run = user
        .run(
            json!([
                // The first answer is empty, and paid; the second one counts.
                {"variableName": "x", "userPrompt": format!("{prompt}[[fault:content-null*1]] {}", user.name),
                 "serviceTier": "flex", "retry": {"maxAttempts": 2}},
                {"variableName": "y", "userPrompt": format!("{prompt} {}", user.name)},
                {"variableName": "z", "userPrompt": "hi"},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let x = node(&run, "x");
    let attempts = list(&x["attempts"]);
    assert_eq!(attempts.len(), 2, "{x:#}");
    for attempt in attempts {
        assert_eq!(attempt["usage"], with_tier(shown(1)), "{x:#}");
    }
    assert_eq!(x["usage"], with_tiers(shown(2)), "{x:#}");
    assert_eq!(x["output"]["usage"], with_tier(shown(1)), "{x:#}");
    let y = node(&run, "y");
    assert_eq!(y["usage"], shown(1), "{y:#}");
    // What a plain call did not use is left out.
    let z = node(&run, "z");
    let plain = &z["usage"];
    let names: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(names, ["completionTokens", "promptTokens", "totalTokens"]);
    assert_eq!(&z["attempts"][0]["usage"], plain);
    assert_eq!(z["output"]["usage"]["cachedTokens"], 0);
    let sum = [&x["usage"], &y["usage"], plain]
        .into_iter()
        .map(|usage| serde_json::from_value::<Usage>(usage.clone()).unwrap())
        .fold(Usage::default(), |sum, usage| sum.plus(&usage));
    assert_eq!(run["usage"]["upstreamCostUsd"], "0.0000603");
    assert_eq!(run["usage"]["serverToolCostUsd"], "0.021");
    assert_eq!(run["usage"]["cacheWriteTokens"], 90);
    let of_run: Usage = serde_json::from_value(run["usage"].clone()).unwrap();
    assert_eq!(of_run, sum, "{run:#}");
    let alone = user
        .get(&format!("/runs/{}/nodes/x", text(&run["id"])))
        .await;
    assert_eq!(alone.body["usage"], x["usage"]);
    assert_eq!(alone.body["attempts"], x["attempts"]);
}

#[tokio::test]
async fn what_an_answer_did_not_say_is_filled_in_from_the_generations_record() {
    let user = User::with_credential().await;
    let prompt = format!("[[usage:{}]][[fault:no-usage]] {}", said(), user.name);
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": prompt, "serviceTier": "flex"}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let run = user
        .run_when(&text(&run["id"]), |run| !decimal(&run["costUsd"]).is_zero())
        .await;
    let entry = &user.ledger().await[0];
    let (prompt, completion) = (
        entry["promptTokens"].as_u64().unwrap(),
        entry["completionTokens"].as_u64().unwrap(),
    );
    let known = json!({
        "promptTokens": prompt, "completionTokens": completion,
        "totalTokens": prompt + completion, "cachedTokens": 20, "upstreamCostUsd": "0.0000201",
        "isByok": true,
    });
    let x = node(&run, "x");
    assert_eq!(x["attempts"][0]["usage"], with_tier(known.clone()));
    assert_eq!(x["usage"], with_tiers(known.clone()));
    assert_eq!(run["usage"], with_tiers(known));
    assert_eq!(run["costUsd"], entry["cost"]);
}
