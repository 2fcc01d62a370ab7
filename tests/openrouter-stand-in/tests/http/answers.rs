//! Answers: their text, cost, directives and shapes.

use serde_json::{Value, json};

use crate::desk::{Desk, KEY, MODEL, amount, content};

#[tokio::test]
async fn an_answer_tells_which_text_arrived() {
    let desk = Desk::open().await;
    let response = desk
        .chat(json!({"model": MODEL, "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello, 世界"},
        ]}))
        .await;
    let id = response.headers()["x-generation-id"].to_str().unwrap();
    let id = id.to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        content(&body),
        "[openai/gpt-4o-mini] system=\"Be brief.\" user=\"Hello, 世界\" (9 chars, sha256 a281e84c)"
    );
    assert_eq!(body["id"], id.as_str());
    let parts: Vec<_> = id.split('-').collect();
    assert_eq!((parts[0], parts[2].len()), ("gen", 20));
    assert_eq!(body["provider"], "OpenAI");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_cost_is_exact() {
    let desk = Desk::open().await;
    let body: Value = desk.say("[[echo]]12345").await.json().await.unwrap();
    // 13 characters are 4 tokens of 0.00000015, 5 are 2 of 0.0000006.
    let usage = &body["usage"];
    assert_eq!(content(&body), "12345");
    assert_eq!(usage["prompt_tokens"], 4);
    assert_eq!(usage["completion_tokens"], 2);
    assert!(usage["cost"].is_number());
    assert_eq!(amount(&usage["cost"]), "0.0000018".parse().unwrap());
    let calls = desk.get("/_stand-in/calls").await;
    assert_eq!(calls["totalCostUsd"], "0.0000018");
    assert_eq!(calls["paid"], 1);
    let key = desk.get("/api/v1/key").await;
    assert_eq!(
        amount(&key["data"]["limit_remaining"]),
        "24.9999982".parse().unwrap()
    );
    let free = desk
        .chat(json!({
            "model": "google/gemma-4-31b-it:free", "messages": [{"role": "user", "content": "a"}],
        }))
        .await;
    let free: Value = free.json().await.unwrap();
    assert_eq!(amount(&free["usage"]["cost"]), 0.into());
    let calls = desk.get("/_stand-in/calls").await;
    assert_eq!((&calls["chat"], &calls["paid"]), (&2.into(), &1.into()));
}

#[tokio::test]
async fn directives_shape_the_text() {
    let desk = Desk::open().await;
    let long: Value = desk.say("[[repeat:100000]]x").await.json().await.unwrap();
    assert!((100_000..100_100).contains(&content(&long).len()));
    let exact: Value = desk
        .say("[[json:{\"a\": [[1]]}]]")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(content(&exact), "{\"a\": [[1]]}");
    let wrong = desk.say("[[fault:no-such]]").await;
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn max_tokens_cuts_the_text() {
    let desk = Desk::open().await;
    let body: Value = desk
        .chat(json!({
            "model": MODEL, "max_tokens": 3,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "[[echo]]0123456789abcdef"}]}],
        }))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(content(&body), "0123456789ab");
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn json_is_answered_where_json_is_asked_for() {
    let desk = Desk::open().await;
    let ask = |format: Value| {
        json!({"model": MODEL, "response_format": format,
        "messages": [{"role": "user", "content": "hi"}]})
    };
    let object: Value = desk
        .chat(ask(json!({"type": "json_object"})))
        .await
        .json()
        .await
        .unwrap();
    let object: Value = serde_json::from_str(content(&object)).unwrap();
    assert_eq!(object["user"], "hi");
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer"}}});
    let fitting = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let fitting: Value = desk.chat(ask(fitting)).await.json().await.unwrap();
    assert_eq!(content(&fitting), "{\"score\":1}");
}

#[tokio::test]
async fn the_first_living_model_answers() {
    let desk = Desk::open().await;
    let body: Value = desk
        .chat(json!({
            "model": "stand-in/fault-provider-502",
            "models": ["anthropic/claude-3-opus", "nobody/nothing", "openai/gpt-4o:nitro", MODEL],
            "messages": [{"role": "user", "content": "hi"}],
        }))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(body["model"], "openai/gpt-4o");
}

#[tokio::test]
async fn a_request_is_checked() {
    let desk = Desk::with(openrouter_stand_in::Settings {
        strict: true,
        ..Default::default()
    })
    .await;
    let message = async |body: Value| {
        let response = desk.chat(body).await;
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (
            status,
            body["error"]["message"].as_str().unwrap().to_owned(),
        )
    };
    let (status, text) = message(json!({"model": MODEL})).await;
    assert_eq!(status, 400);
    assert_eq!(text, "Input required: specify \"prompt\" or \"messages\"");
    let hello = json!([{"role": "user", "content": "hi"}]);
    let (status, text) =
        message(json!({"messages": hello, "provider": {"sort": "price", "wrong": 1}})).await;
    assert_eq!(status, 400);
    assert!(text.contains("wrong"), "{text}");
    let (status, text) = message(json!({"messages": hello, "model": "a/b"})).await;
    assert_eq!(
        (status, text.as_str()),
        (400, "a/b is not a valid model ID")
    );
    let (status, text) =
        message(json!({"messages": hello, "model": "google/gemini-pro-1.5"})).await;
    assert_eq!(status, 404);
    assert_eq!(text, "No endpoints found for google/gemini-pro-1.5.");
    let long = json!([{"role": "user", "content": "x".repeat(70_000)}]);
    let (status, text) = message(json!({"messages": long, "model": "microsoft/phi-4"})).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("This endpoint's maximum context length is 16384 tokens."));
    let broken = desk
        .client
        .post(format!("{}/api/v1/chat/completions", desk.origin))
        .bearer_auth(KEY)
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
}

#[tokio::test]
async fn a_generation_is_there_at_the_third_look() {
    let desk = Desk::open().await;
    let body: Value = desk.say("hi").await.json().await.unwrap();
    let path = format!("/api/v1/generation?id={}", body["id"].as_str().unwrap());
    for status in [404, 404, 200] {
        assert_eq!(desk.get_with(&path, KEY).await.status(), status);
    }
    let found = desk.get(&path).await;
    assert_eq!(found["data"]["total_cost"], body["usage"]["cost"]);
    assert_eq!(found["data"]["provider_name"], "OpenAI");
    assert_eq!(found["data"]["cancelled"], false);
}

#[tokio::test]
async fn usage_says_what_the_prompt_wants_and_the_tier_is_the_one_asked_for() {
    let desk = Desk::open().await;
    let wanted = json!({
        "is_byok": true,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 5},
        "cost_details": {"upstream_inference_cost": 0.0201},
    });
    let prompt = format!("[[usage:{wanted}]]hi");
    let answer: Value = desk
        .chat(json!({
            "model": MODEL, "service_tier": "flex",
            "messages": [{"role": "user", "content": prompt}],
        }))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["service_tier"], "flex");
    let usage = &answer["usage"];
    assert_eq!(usage["is_byok"], true);
    assert_eq!(usage["prompt_tokens_details"]["cache_write_tokens"], 5);
    assert_eq!(usage["prompt_tokens_details"]["audio_tokens"], 0);
    assert_eq!(usage["cost_details"]["upstream_inference_cost"], 0.0201);
    let path = format!("/api/v1/generation?id={}", answer["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(desk.get_with(&path, KEY).await.status(), 404);
    }
    let record = &desk.get(&path).await["data"];
    assert_eq!(record["is_byok"], true);
    assert_eq!(record["native_tokens_cached"], 3);
    assert_eq!(record["upstream_inference_cost"], 0.0201);
    assert_eq!(record["service_tier"], "flex");
}
