//! A run that fails says which node failed, why, and what to do; its execution carries the same error name.

use std::time::{Duration, Instant};

use end_to_end::{User, aws, execution_arn, list, node, text};
use serde_json::{Value, json};

async fn failed(user: &User, nodes: Value, input: Value, code: &str) -> Value {
    let run = user.run(nodes, input).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    assert_eq!(run["error"]["code"], code, "{run:#}");
    let execution = aws_sdk_sfn::Client::new(&aws().await)
        .describe_execution()
        .execution_arn(execution_arn(&text(&run["id"])))
        .send()
        .await
        .expect("the execution exists");
    assert_eq!(execution.error(), Some(code));
    run
}

fn solution(run: &Value) -> String {
    list(&run["error"]["solution"])
        .iter()
        .map(text)
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_key_that_is_revoked_after_it_was_stored() {
    let user = User::with_credential().await;
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let run = failed(
        &user,
        json!([{"variableName": "x", "userPrompt": "hi"}]),
        json!({}),
        "InvalidApiKey",
    )
    .await;
    assert_eq!(run["error"]["title"], "Invalid API Key");
    assert_eq!(run["error"]["node"], "x");
    assert!(text(&run["error"]["cause"]).contains("incorrect, expired"));
    assert!(solution(&run).contains("openrouter.ai"));
    assert!(solution(&run).contains("Create a new API key"));
    assert_eq!(node(&run, "x")["status"], "FAILED");
    assert_eq!(user.ledger().await.len(), 0);
}

#[tokio::test]
async fn names_of_any_length_in_the_input_fail_the_run_at_once_and_briefly() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": "About {{topic}}"}]))
        .await;
    let body: serde_json::Map<String, Value> = (0..20)
        .map(|index| (format!("{index:02}{}", "é".repeat(12_500)), json!(1)))
        .collect();
    let body = Value::Object(body).to_string();
    assert!(body.len() > 500_000);
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    let begun = Instant::now();
    let started = user
        .deliver_with_token(&format!("/hooks/{workflow}"), &json, body.as_bytes())
        .await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    let run = user.ended(&text(&started.body["id"])).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{run:#}");
    assert_eq!(run["status"], "FAILED");
    assert_eq!(run["error"]["code"], "MissingVariable");
    let cause = text(&run["error"]["cause"]);
    assert!(cause.chars().count() <= 2_001, "{cause}");
    assert!(cause.contains(&format!("00{}…", "é".repeat(62))), "{cause}");
    let x = node(&run, "x");
    assert_eq!(list(&x["attempts"]).len(), 1);
    let message = text(&x["attempts"][0]["message"]);
    assert!(message.chars().count() <= 501, "{message}");
    assert!(x.to_string().len() < 10_000, "{x:#}");
    assert!(run["error"].to_string().len() < 10_000);
}

#[tokio::test]
async fn a_variable_that_is_missing_from_the_input() {
    let user = User::with_credential().await;
    let run = failed(
        &user,
        json!([
            {"variableName": "before", "userPrompt": "hi"},
            {"variableName": "x", "userPrompt": "About {{topik}} and {{before.text}}"},
            {"variableName": "after", "userPrompt": "{{x.text}}"},
        ]),
        json!({"topic": "octopuses"}),
        "MissingVariable",
    )
    .await;
    assert_eq!(run["error"]["node"], "x");
    let cause = text(&run["error"]["cause"]);
    assert!(cause.contains("topik"), "{cause}");
    assert!(
        format!("{cause}{}", solution(&run)).contains("topic"),
        "{run:#}"
    );
    assert_eq!(node(&run, "before")["status"], "SUCCEEDED");
    assert_eq!(node(&run, "after")["status"], "SKIPPED");
    assert_eq!(user.ledger().await.len(), 1, "the failing node is not paid");
}

#[tokio::test]
async fn a_model_that_does_not_exist() {
    let user = User::with_credential().await;
    let run = failed(
        &user,
        json!([{"variableName": "x", "model": "openai/GPT-4o", "userPrompt": "hi"}]),
        json!({}),
        "ModelNotFound",
    )
    .await;
    assert!(solution(&run).contains("case-sensitive"), "{run:#}");
    assert_eq!(run["error"]["node"], "x");
}

#[tokio::test]
async fn a_model_that_is_gone() {
    let user = User::with_credential().await;
    failed(
        &user,
        json!([{"variableName": "x", "model": "anthropic/claude-3-opus", "userPrompt": "hi"}]),
        json!({}),
        "ModelNotFound",
    )
    .await;
}

#[tokio::test]
async fn no_credits() {
    let user = User::with_credential().await;
    user.stand_in_post("keys", &json!({"key": user.key, "state": "nocredits"}))
        .await;
    let run = failed(
        &user,
        json!([{"variableName": "x", "userPrompt": "hi"}]),
        json!({}),
        "InsufficientCredits",
    )
    .await;
    assert!(text(&run["error"]["cause"]).contains("credits"), "{run:#}");
    assert!(solution(&run).contains("Add credits"), "{run:#}");
    assert!(text(&run["error"]["upstream"]["message"]).starts_with("Insufficient credits"));
}

#[tokio::test]
async fn an_error_within_a_200_is_an_error() {
    let user = User::with_credential().await;
    for fault in [
        "error-in-200",
        "choice-error",
        "stream-error-mid",
        "stream-cut",
        "html-200",
    ] {
        let prompt = format!("[[fault:{fault}]]{}", user.name);
        let run = user
            .run(
                json!([{"variableName": "x", "userPrompt": prompt, "retry": {"maxAttempts": 1}}]),
                json!({}),
            )
            .await;
        assert_eq!(run["status"], "FAILED", "{fault}: {run:#}");
        assert!(run["error"]["code"].is_string(), "{fault}: {run:#}");
    }
}

#[tokio::test]
async fn every_shape_of_a_good_answer_is_understood() {
    let user = User::with_credential().await;
    for shape in [
        "comments",
        "utf8-split",
        "crlf",
        "usage-choices-empty",
        "usage-old-shape",
        "stream-no-done",
    ] {
        let prompt = format!("[[fault:{shape}]][[echo]]Grüße, 世界 🐙 {}", user.name);
        let run = user
            .run(
                json!([{"variableName": "x", "userPrompt": prompt}]),
                json!({}),
            )
            .await;
        assert_eq!(run["status"], "SUCCEEDED", "{shape}: {run:#}");
        let answered = text(&run["output"]["x"]["text"]);
        assert!(answered.contains("Grüße, 世界 🐙"), "{shape}: {answered}");
    }
    let spent: rust_decimal::Decimal = user.charged().await;
    assert!(spent > rust_decimal::Decimal::ZERO);
}
