//! The live list, through the cache: found, filtered, and there when OpenRouter is away.

use end_to_end::{User, list, text};
use serde_json::json;

#[tokio::test]
async fn models_are_listed_and_filtered() {
    let user = User::new("good");
    let all = user.get("/models").await;
    assert_eq!(all.status, 200, "{:?}", all.body);
    assert_eq!(all.body["default"], "openai/gpt-4o-mini");
    assert!(list(&all.body["models"]).len() >= 600);
    let mini = list(&all.body["models"])
        .iter()
        .find(|model| model["id"] == "openai/gpt-4o-mini")
        .expect("the default model is listed");
    assert_eq!(mini["promptPrice"], "0.15");
    assert_eq!(mini["completionPrice"], "0.6");
    assert_eq!(
        mini["recommended"],
        "Fast and affordable GPT-4 variant (Default)"
    );

    let openai = user.get("/models?provider=openai&q=gpt%20MINI").await;
    let ids: Vec<_> = list(&openai.body["models"])
        .iter()
        .map(|model| text(&model["id"]))
        .collect();
    assert!(ids.contains(&"openai/gpt-4o-mini".to_owned()), "{ids:?}");
    assert!(
        ids.iter()
            .all(|id| id.contains("openai/") && id.contains("mini")),
        "{ids:?}"
    );

    let free = user.get("/models?free=true").await;
    assert!(!list(&free.body["models"]).is_empty());
    assert!(
        list(&free.body["models"])
            .iter()
            .all(|model| text(&model["id"]).ends_with(":free"))
    );
    assert_eq!(user.get("/models?free=perhaps").await.status, 400);
}

#[tokio::test]
async fn the_recommended_models_are_marked_as_living_or_gone() {
    let user = User::new("good");
    let all = user.get("/models").await;
    let exists = |id: &str| {
        list(&all.body["recommended"])
            .iter()
            .find(|row| row["id"] == id)
            .unwrap_or_else(|| panic!("{id} is recommended"))["exists"]
            .clone()
    };
    assert_eq!(list(&all.body["recommended"]).len(), 16);
    assert_eq!(exists("openai/gpt-4o"), true);
    assert_eq!(exists("anthropic/claude-3-haiku"), true);
    assert_eq!(exists("anthropic/claude-3-opus"), false);
    assert_eq!(exists("google/gemma-2-9b-it:free"), false);
}

#[tokio::test]
async fn one_model_is_described_and_an_unknown_one_gets_its_neighbours() {
    let user = User::new("good");
    let one = user.get("/models/openai/gpt-4o").await;
    assert_eq!(one.body["id"], "openai/gpt-4o");
    let free = user.get("/models/google/gemma-4-31b-it:free").await;
    assert_eq!(free.body["free"], true, "{:?}", free.body);
    let unknown = user.get("/models/openai/GPT-4o").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.body["code"], "ModelNotFound");
    assert!(text(&unknown.body["cause"]).contains("only the case differs"));
    assert!(text(&unknown.body["solution"][0]).contains("openai/gpt-4o"));
}

#[tokio::test]
async fn a_refresh_reads_openrouter_again() {
    let user = User::new("good");
    let before = user.get("/models").await;
    let refreshed = user.post("/models/refresh", &json!({})).await;
    assert_eq!(refreshed.status, 200, "{:?}", refreshed.body);
    assert!(text(&refreshed.body["fetchedAt"]) > text(&before.body["fetchedAt"]));
    let after = user.get("/models").await;
    assert!(text(&after.body["fetchedAt"]) >= text(&refreshed.body["fetchedAt"]));
    assert_eq!(after.body["stale"], json!(null));
}
