//! How a call is routed, cached and traced: every option of a node is sent as OpenRouter has it, and what served the call is
//! recorded and shown.

use end_to_end::{User, decimal, node, text};
use serde_json::{Value, json};

/// The one request whose body has this marker.
async fn sent(user: &User, marker: &str) -> Value {
    user.requests_with(marker).await.swap_remove(0)
}

#[tokio::test]
async fn each_option_of_a_node_is_sent_under_openrouters_name() {
    let user = User::with_credential().await;
    let marker = format!("options of {}", user.name);
    let provider = json!({
        "order": ["openai"], "only": ["openai", "azure"], "ignore": ["groq"], "allow_fallbacks": true,
        "require_parameters": false, "data_collection": "deny", "zdr": true, "enforce_distillable_text": false,
        "quantizations": ["fp8", "bf16"], "sort": {"by": "price", "partition": "none"},
        "preferred_min_throughput": {"p50": 10}, "preferred_max_latency": 3,
        "max_price": {"prompt": 5, "completion": "9"}, "options": {"openai": {"x": 1}},
    });
    let given = json!({
        "temperature": 0.5, "topP": 0.9, "topK": 40, "minP": 0.1, "topA": 0.1, "frequencyPenalty": 0.1,
        "presencePenalty": 0.1, "repetitionPenalty": 1.1, "seed": 7, "stop": ["END"], "logitBias": {"50256": -100},
        "reasoning": {"effort": "low"}, "verbosity": "low", "serviceTier": "flex", "transforms": ["middle-out"],
        "user": "u-1", "sessionId": "s-1", "metadata": {"team": "a"}, "trace": {"trace_id": "t-1"},
        "preset": "mail", "modalities": ["text"], "imageConfig": {"aspect_ratio": "1:1"}, "audio": {"voice": "alloy"},
        "cacheControl": {"ttl": "1h"}, "promptCacheKey": "k-1", "promptCacheOptions": {"mode": "explicit"},
        "prediction": {"type": "content", "content": "x"}, "plugins": [{"id": "context-compression"}],
        "responseFormat": {"type": "text"},
    });
    let mut chat = given.clone();
    let more = json!({"variableName": "x", "userPrompt": marker, "provider": provider, "models": ["openai/gpt-4o"]});
    chat.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let run = user.run(json!([chat]), json!({})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let sent = sent(&user, &marker).await["body"].clone();
    for (name, value) in given.as_object().unwrap() {
        let mut wire = String::new();
        for sign in name.chars() {
            if sign.is_ascii_uppercase() {
                wire.push('_');
            }
            wire.push(sign.to_ascii_lowercase());
        }
        let want = match name.as_str() {
            "cacheControl" => json!({"type": "ephemeral", "ttl": "1h"}),
            _ => value.clone(),
        };
        assert_eq!(sent[&wire], want, "{name}");
    }
    assert_eq!(sent["provider"], provider);
    assert_eq!(sent["models"], json!(["openai/gpt-4o"]));
    let output = &node(&run, "x")["output"];
    assert_eq!(output["usage"]["serviceTier"], "flex");
    assert_eq!(
        node(&run, "x")["attempts"][0]["usage"]["serviceTier"],
        "flex"
    );
}

#[tokio::test]
async fn a_fallback_that_answers_is_shown_and_how_the_call_was_led_there() {
    let user = User::with_credential().await;
    let marker = format!(
        "[[fault:no-endpoints@openai/gpt-4o-mini]] fall back {}",
        user.name
    );
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": marker, "models": ["mistralai/mistral-large"], "showRouting": true}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let x = node(&run, "x");
    assert_eq!(x["output"]["model"], "mistralai/mistral-large");
    assert_eq!(x["output"]["provider"], "Mistral");
    assert_eq!(x["output"]["routing"]["strategy"], "fallback");
    assert_eq!(x["output"]["routing"]["attempt"], 2);
    assert_eq!(x["attempts"][0]["model"], "mistralai/mistral-large");
    let request = sent(&user, &marker).await;
    assert_eq!(request["headers"]["x-openrouter-metadata"], "enabled");
}

#[tokio::test]
async fn presets_routers_and_variants_are_model_ids() {
    let user = User::with_credential().await;
    for (model, answered) in [
        ("@preset/mail", "openai/gpt-4o-mini"),
        ("openai/gpt-4o:nitro", "openai/gpt-4o"),
        ("openai/gpt-4o@preset/mail", "openai/gpt-4o"),
        ("~openai/gpt-latest", "openai/gpt-6-sol"),
    ] {
        let run = user
            .run(
                json!([{"variableName": "x", "userPrompt": "hi", "model": model}]),
                json!({}),
            )
            .await;
        assert_eq!(run["status"], "SUCCEEDED", "{model}: {}", run["error"]);
        assert_eq!(node(&run, "x")["output"]["model"], answered, "{model}");
    }
}

#[tokio::test]
async fn a_cached_prompt_is_cheaper_and_what_it_saved_is_shown() {
    let user = User::with_credential().await;
    let long = format!("{} {}", user.name, "a rule that always holds. ".repeat(200));
    let ask = |name: &str, after: Value| {
        json!({
            "variableName": name, "dependsOn": after,
            "messages": [
                {"role": "system", "content": [{"text": long, "cacheControl": {"ttl": "5m"}}]},
                {"role": "user", "content": format!("[[echo]]{name}")},
            ],
        })
    };
    let run = user
        .run(
            json!([ask("first", json!([])), ask("second", json!(["first"]))]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let of = |name: &str| node(&run, name)["output"].clone();
    let tokens = of("first")["usage"]["cacheWriteTokens"].as_u64().unwrap();
    assert!(tokens > 1000, "{run:#}");
    assert_eq!(of("second")["usage"]["cachedTokens"], tokens);
    assert!(decimal(&of("second")["costUsd"]) < decimal(&of("first")["costUsd"]));
    // The list has 0.00000015 USD a token, and half of that for one from the cache.
    let saved = decimal(&of("second")["cacheSavedUsd"]);
    assert_eq!(
        saved,
        rust_decimal::Decimal::new(75, 9) * rust_decimal::Decimal::from(tokens)
    );
    assert_eq!(run["usage"]["cachedTokens"], tokens);
}

#[tokio::test]
async fn openrouters_own_records_name_the_run_and_the_node() {
    let user = User::with_credential().await;
    let marker = format!("traced {}", user.name);
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": marker}]),
            json!({}),
        )
        .await;
    let sent = sent(&user, &marker).await["body"].clone();
    assert_eq!(sent["session_id"], run["id"]);
    assert_eq!(sent["trace"]["trace_id"], run["id"]);
    assert_eq!(sent["trace"]["generation_name"], "x");
    assert!(!text(&run["id"]).is_empty());
}
