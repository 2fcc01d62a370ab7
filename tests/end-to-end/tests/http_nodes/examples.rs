//! The examples of the documentation, with a real page.

use end_to_end::{User, node, text};
use serde_json::{Value, json};

use super::page::Page;

#[tokio::test]
async fn the_examples_of_the_seed_run_with_a_page() {
    let user = User::with_credential().await;
    let page = Page::new().await;
    let run = user
        .run(
            json!([
                {"type": "http", "variableName": "httpResponse", "url": page.url("/json")},
                {
                    "variableName": "gptResponse", "model": "openai/gpt-4o-mini",
                    "systemPrompt": "You are a helpful assistant.",
                    "userPrompt": "Analyze this data: {{httpResponse.data}}",
                },
                {
                    "variableName": "claudeResponse", "model": "anthropic/claude-haiku-4.5",
                    "systemPrompt": "You are an expert content writer.",
                    "userPrompt": "Write a blog post about {{topic}}",
                },
                {
                    "variableName": "testResponse", "model": "google/gemma-4-31b-it:free",
                    "systemPrompt": "You are a helpful assistant.",
                    "userPrompt": "Summarize: {{inputText}}",
                },
            ]),
            json!({"topic": "tea", "inputText": "Octopuses have three hearts."}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let of = |name: &str| text(&node(&run, name)["output"]["text"]);
    let data = r#"{"items":[{"name":"tea","price":2.5}],"n":1}"#;
    let analysed = of("gptResponse");
    assert!(analysed.contains(data), "{analysed}");
    assert!(of("claudeResponse").contains("Write a blog post about tea"));
    assert!(of("testResponse").contains("Octopuses have three hearts."));
    assert_eq!(user.ledger().await.len(), 3);
    assert_eq!(node(&run, "httpResponse")["costUsd"], "0");
}

#[tokio::test]
async fn the_example_fetches_a_page_and_posts_what_models_make_of_it() {
    let user = User::with_credential().await;
    let page = Page::new().await;
    let crm = format!("{}-crm", user.name);
    let body = json!({
        "name": crm, "type": "http", "http": {"auth": "bearer", "token": "token-of-the-crm-0123456789"},
    });
    let stored = user.post("/credentials", &body).await;
    assert_eq!(stored.status, 201, "{:?}", stored.body);
    let example = include_str!("../../../../infra/examples/workflows/page-comparison.yaml");
    assert!(include_str!("../../../../docs/http-node.md").contains(example));
    let example = example
        .replace("credential: main", &format!("credential: {}", user.name))
        .replace("credential: crm", &format!("credential: {crm}"))
        .replace("https://crm.example.com/notes", &page.url("/notes"));
    let document: Value = yaml_serde::from_str(&example).unwrap();
    let workflow = user.workflow_with(document).await;
    let run = user
        .trigger(&workflow, &json!({"url": page.url("/json")}))
        .await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let seen = page.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[1]["headers"]["authorization"],
        "Bearer token-of-the-crm-0123456789"
    );
    let posted: Value = serde_json::from_str(&text(&seen[1]["body"])).unwrap();
    assert_eq!(posted["page"], page.url("/json"));
    assert_eq!(posted["text"], node(&run, "verdict")["output"]["text"]);
}
