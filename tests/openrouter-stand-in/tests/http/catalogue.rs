//! The list of models: its size, pages and changes.

use openrouter_stand_in::Settings;
use serde_json::{Value, json};

use crate::desk::{Desk, KEY};

#[tokio::test]
async fn the_list_is_as_large_as_the_real_one() {
    let desk = Desk::open().await;
    let response = desk.client.get(format!("{}/api/v1/models", desk.origin));
    let response = response.send().await.unwrap();
    assert!(
        response.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("max-age=120")
    );
    let text = response.text().await.unwrap();
    assert!((800_000..1_200_000).contains(&text.len()), "{}", text.len());
    let body: Value = serde_json::from_str(&text).unwrap();
    let data = body["data"].as_array().unwrap();
    assert!(data.len() >= 650);
    assert_eq!(body["total_count"], data.len());
    let find = |id: &str| data.iter().find(|model| model["id"] == id).unwrap();
    assert_eq!(
        find("openai/gpt-4o-mini")["pricing"]["prompt"],
        "0.00000015"
    );
    assert_eq!(find("openrouter/auto")["pricing"]["prompt"], "-1");
    assert_eq!(
        find("~openai/gpt-latest")["alias_target"]["slug"],
        "openai/gpt-6-sol"
    );
    assert!(find("anthropic/claude-3-haiku")["expiration_date"].is_string());
    assert!(
        data.iter()
            .any(|model| model.get("knowledge_cutoff").is_none())
    );
    assert!(
        data.iter()
            .all(|model| model["id"] != "anthropic/claude-3-opus")
    );
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let desk = Desk::open().await;
    let page = desk.get("/api/v1/models?offset=10&limit=5").await;
    assert_eq!(page["data"].as_array().unwrap().len(), 5);
    assert_eq!(page["links"]["next"], "/api/v1/models?offset=15&limit=5");
    let last = desk.get("/api/v1/models?offset=649").await;
    assert_eq!(last["links"]["next"], Value::Null);
    let wrong = desk.get_with("/api/v1/models?limit=x", KEY).await;
    assert_eq!(wrong.status(), 400);
    let wrong: Value = wrong.json().await.unwrap();
    assert_eq!(wrong["error"]["name"], "ZodError");
}

#[tokio::test]
async fn a_list_may_come_in_pages_unasked() {
    let settings = Settings {
        page_size: Some(400),
        ..Settings::default()
    };
    let desk = Desk::with(settings).await;
    let page = desk.get("/api/v1/models").await;
    assert_eq!(page["data"].as_array().unwrap().len(), 400);
    let next = page["links"]["next"].as_str().unwrap();
    let rest = desk.get(next).await;
    assert_eq!(rest["links"]["next"], Value::Null);
    assert_eq!(
        rest["data"].as_array().unwrap().len() as u64 + 400,
        page["total_count"].as_u64().unwrap()
    );
}

#[tokio::test]
async fn one_model_can_be_read() {
    let desk = Desk::open().await;
    let model = desk.get("/api/v1/model/openai/gpt-4o:nitro").await;
    assert_eq!(model["data"]["id"], "openai/gpt-4o");
    let model = desk.get("/api/v1/model/~openai/gpt-latest").await;
    assert_eq!(model["data"]["id"], "openai/gpt-6-sol");
    let found = desk.get("/api/v1/models/openai/gpt-4o/endpoints").await;
    assert_eq!(found["data"]["endpoints"][0]["provider_name"], "OpenAI");
    let count = desk.get("/api/v1/models/count").await;
    assert!(count["data"]["count"].as_u64().unwrap() >= 650);
    let providers = desk.get("/api/v1/providers").await;
    assert!(!providers["data"].as_array().unwrap().is_empty());
    let credits = desk.get("/api/v1/credits").await;
    assert_eq!(credits["data"]["total_credits"], 100);
    let missing = desk.get_with("/api/v1/model/a/b", KEY).await;
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn models_come_and_go() {
    let desk = Desk::open().await;
    let ask = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(desk.chat(ask("new/model")).await.status(), 400);
    let change = json!({
        "add": [{"id": "new/model", "prompt": "0.001", "completion": "0"}],
        "remove": ["openai/gpt-4o"],
    });
    assert_eq!(desk.post("/_stand-in/models", change).await.status(), 204);
    let body: Value = desk.chat(ask("new/model")).await.json().await.unwrap();
    assert_eq!(body["usage"]["cost"], 0.001);
    assert_eq!(desk.chat(ask("openai/gpt-4o")).await.status(), 404);
}

#[tokio::test]
async fn outside_the_api_is_the_web_site() {
    let desk = Desk::open().await;
    let page = desk.get_with("/v1/models", KEY).await;
    assert_eq!(page.status(), 200);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let missing = desk.get_with("/api/v1/nothing", KEY).await;
    assert_eq!(missing.status(), 404);
    let missing: Value = missing.json().await.unwrap();
    assert_eq!(missing["error"]["message"], "Not Found");
}
