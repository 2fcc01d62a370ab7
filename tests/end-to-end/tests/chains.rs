//! A workflow of OpenRouter steps runs from a trigger to its answer, each node reading the ones before it.

use end_to_end::{User, decimal, list, node, text};
use serde_json::json;

#[tokio::test]
async fn the_second_node_reads_the_first_ones_real_text() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([
                {"variableName": "first", "userPrompt": "About {{topic}}"},
                {"variableName": "second", "model": "anthropic/claude-haiku-4.5",
                 "userPrompt": "[[echo]]Translate: {{first.text}}"},
                {"variableName": "third", "userPrompt": "[[echo]]Shorten: {{second.text}}"},
            ]),
            json!({"topic": "octopuses <& \"friends\">"}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let first = text(&node(&run, "first")["output"]["text"]);
    assert!(first.contains("octopuses <& \"friends\">"), "{first}");
    let second = text(&node(&run, "second")["output"]["text"]);
    assert_eq!(second, format!("Translate: {first}"));
    let third = text(&node(&run, "third")["output"]["text"]);
    assert_eq!(third, format!("Shorten: {second}"));
    assert_eq!(run["output"]["third"]["text"], json!(third));
    assert_eq!(run["output"].as_object().unwrap().len(), 1);
    assert_eq!(
        node(&run, "second")["output"]["model"],
        "anthropic/claude-haiku-4.5"
    );
    assert_eq!(user.ledger().await.len(), 3);
}

#[tokio::test]
async fn nodes_fan_out_and_in_again() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([
                {"variableName": "join", "userPrompt": "[[echo]]{{a.text}}|{{b.text}}|{{c.text}}"},
                {"variableName": "a", "userPrompt": "[[echo]]A of {{seed.text}}"},
                {"variableName": "b", "userPrompt": "[[echo]]B of {{seed.text}}"},
                {"variableName": "c", "userPrompt": "[[echo]]C of {{seed.text}}"},
                {"variableName": "seed", "userPrompt": "[[echo]]{{start}}"},
            ]),
            json!({"start": "s"}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["output"]["join"]["text"], "A of s|B of s|C of s");
}

#[tokio::test]
async fn objects_in_the_input_are_rendered_as_json() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": "[[echo]]Analyze this data: {{httpResponse.data}} {{default missing \"none\"}}"}]),
            json!({"httpResponse": {"data": {"a": [1, 2.5, true], "b": "c"}}}),
        )
        .await;
    assert_eq!(
        run["output"]["x"]["text"],
        r#"Analyze this data: {"a":[1,2.5,true],"b":"c"} none"#
    );
}

#[tokio::test]
async fn the_answer_comes_at_once_to_those_who_wait() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": "[[echo]]{{word}}"}]))
        .await;
    let path = format!("/workflows/{workflow}/runs?wait=25");
    let answer = user.post(&path, &json!({"input": {"word": "hello"}})).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.body["status"], "SUCCEEDED");
    assert_eq!(answer.body["output"]["x"]["text"], "hello");
    assert_eq!(answer.body["trigger"], "api");
}

#[tokio::test]
async fn a_run_reads_as_documented() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": "Say {{word}}", "maxTokens": 50, "temperature": 0.2, "stop": "END"}]),
            json!({"word": "hello"}),
        )
        .await;
    assert_eq!(run["input"], json!({"word": "hello"}));
    assert_eq!(run["trigger"], "webhook");
    assert_eq!(run["error"], json!(null));
    assert!(text(&run["startedAt"]) < text(&run["endedAt"]));
    let x = node(&run, "x");
    assert_eq!(x["id"], "x");
    assert_eq!(x["status"], "SUCCEEDED");
    assert_eq!(x["output"]["finishReason"], "stop");
    assert!(x["output"]["provider"].is_string());
    assert_eq!(list(&x["attempts"]).len(), 1);
    assert!(text(&x["attempts"][0]["generationId"]).starts_with("gen-"));
    assert!(decimal(&run["costUsd"]) > rust_decimal::Decimal::ZERO);
    assert_eq!(run["costUsd"], x["output"]["costUsd"]);
    assert_eq!(
        run["usage"]["totalTokens"],
        x["output"]["usage"]["totalTokens"]
    );
}
