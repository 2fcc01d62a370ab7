//! The model list, through the cache: filtered, sorted, in pages; and each model in full.

use end_to_end::{User, decimal, list, text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn ids(rows: &Value) -> Vec<String> {
    list(rows).iter().map(|row| text(&row["id"])).collect()
}

/// The models of a list. Its answer has to be 200.
async fn found(user: &User, query: &str) -> Vec<Value> {
    let answer = user.get(&format!("/models?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
    list(&answer.body["models"]).to_vec()
}

#[tokio::test]
async fn models_are_listed_and_filtered() {
    let user = User::new("good");
    let all = user.get("/models").await;
    assert_eq!(all.status, 200, "{:?}", all.body);
    assert_eq!(all.body["default"], "openai/gpt-4o-mini");
    assert!(list(&all.body["models"]).len() >= 650);
    assert!(all.body["ageSeconds"].as_u64().is_some());
    assert!(all.body.to_string().len() < 3_000_000, "far under 6 MB");
    let mini = list(&all.body["models"])
        .iter()
        .find(|model| model["id"] == "openai/gpt-4o-mini")
        .expect("the default model is listed");
    assert_eq!(mini["name"], "OpenAI: GPT-4o Mini");
    assert_eq!(mini["provider"], "openai");
    assert_eq!(mini["contextLength"], 128_000);
    assert_eq!(mini["promptPrice"], "0.15");
    assert_eq!(mini["completionPrice"], "0.6");
    assert_eq!(mini["inputModalities"], json!(["text", "image", "file"]));
    assert_eq!(mini["outputModalities"], json!(["text"]));
    assert_eq!(mini["free"], false);
    assert_eq!(mini["default"], true);
    assert!(list(&mini["supportedParameters"]).contains(&json!("tools")));
    assert_eq!(
        mini["recommended"],
        "Fast and affordable GPT-4 variant (Default)"
    );
    let haiku = list(&all.body["models"])
        .iter()
        .find(|model| model["id"] == "anthropic/claude-3-haiku")
        .unwrap();
    assert_eq!(haiku["retires"], "2027-02-28");

    let openai = found(&user, "provider=openai&q=gpt%20MINI").await;
    let openai = ids(&json!(openai));
    assert!(
        openai.contains(&"openai/gpt-4o-mini".to_owned()),
        "{openai:?}"
    );
    assert!(
        openai
            .iter()
            .all(|id| id.contains("openai/") && id.contains("mini")),
        "{openai:?}"
    );

    let free = found(&user, "free=true").await;
    assert!(!free.is_empty());
    assert!(
        free.iter()
            .all(|model| text(&model["id"]).ends_with(":free"))
    );

    let cheap = found(
        &user,
        "maxPromptPrice=0.1&maxCompletionPrice=0.5&minContext=200000",
    )
    .await;
    assert!(!cheap.is_empty());
    for model in &cheap {
        assert!(
            decimal(&model["promptPrice"]) <= "0.1".parse().unwrap(),
            "{model}"
        );
        assert!(
            decimal(&model["completionPrice"]) <= "0.5".parse().unwrap(),
            "{model}"
        );
        assert!(
            model["contextLength"].as_u64().unwrap() >= 200_000,
            "{model}"
        );
    }
    assert!(ids(&json!(cheap)).contains(&"openai/gpt-6-luna".to_owned()));
    assert!(
        !ids(&json!(found(&user, "maxPromptPrice=1000000").await))
            .contains(&"openrouter/auto".to_owned()),
        "a price that is not known is not a low one"
    );
    let two = found(
        &user,
        "supports=tools,structured_outputs&inputModality=image&outputModality=text",
    )
    .await;
    assert!(ids(&json!(two)).contains(&"openai/gpt-4o".to_owned()));
    let repeated = found(
        &user,
        "supports=tools&supports=structured_outputs&provider=openai",
    )
    .await;
    assert!(ids(&json!(repeated)).contains(&"openai/gpt-4o".to_owned()));
}

#[tokio::test]
async fn a_filter_takes_only_the_models_that_have_all_it_asks_for() {
    let user = User::new("good");
    let author = format!("test-{}", user.name);
    let id = |slug: &str| format!("{author}/{slug}");
    user.stand_in_post("models", &json!({"add": [
        {"id": id("painter"), "input": ["text"], "output": ["image"], "parameters": ["seed"], "prompt": "0.000001", "completion": "0.000002", "context": 1000, "created": 3},
        {"id": id("listener"), "input": ["audio"], "output": ["text"], "parameters": ["tools", "seed"], "prompt": "0.000003", "completion": "0", "context": 2000, "created": 1},
        {"id": id("writer"), "name": "Aardvark", "input": ["text"], "output": ["text"], "parameters": ["tools"], "prompt": "0.0000005", "completion": "0.000001", "context": 3000, "created": 2},
    ]})).await;
    assert_eq!(user.post("/models/refresh", &json!({})).await.status, 200);
    for (query, slugs) in [
        ("", vec!["painter", "writer", "listener"]),
        ("&sort=newest", vec!["painter", "writer", "listener"]),
        ("&sort=price", vec!["writer", "listener", "painter"]),
        ("&sort=context", vec!["writer", "listener", "painter"]),
        ("&sort=name", vec!["writer", "listener", "painter"]),
        ("&inputModality=audio", vec!["listener"]),
        ("&outputModality=image", vec!["painter"]),
        ("&supports=tools", vec!["writer", "listener"]),
        ("&supports=tools,seed", vec!["listener"]),
        ("&supports=seed&sort=context", vec!["listener", "painter"]),
        ("&minContext=2000", vec!["writer", "listener"]),
        ("&maxPromptPrice=1", vec!["painter", "writer"]),
        ("&maxCompletionPrice=1.0", vec!["writer", "listener"]),
        ("&q=AARDvark", vec!["writer"]),
        ("&q=stand-in+listen", vec!["listener"]),
        ("&q=nothing+listener", vec![]),
        ("&free=false&minContext=3001", vec![]),
    ] {
        let rows = found(&user, &format!("provider={author}{query}")).await;
        let wanted: Vec<_> = slugs.into_iter().map(id).collect();
        assert_eq!(ids(&json!(rows)), wanted, "{query}");
    }
}

#[tokio::test]
async fn every_order_holds_over_the_whole_list() {
    let user = User::new("good");
    let by_context = found(&user, "sort=context").await;
    let contexts: Vec<_> = by_context
        .iter()
        .map(|model| model["contextLength"].as_u64().unwrap_or_default())
        .collect();
    assert!(contexts.is_sorted_by(|left, right| left >= right));
    let by_name = found(&user, "sort=name").await;
    let names: Vec<_> = by_name
        .iter()
        .map(|model| text(&model["name"]).to_lowercase())
        .collect();
    assert!(names.is_sorted());
    let by_price = found(&user, "sort=price").await;
    let prices: Vec<_> = by_price
        .iter()
        .map(|model| match &model["promptPrice"] {
            Value::Null => Decimal::MAX,
            price => decimal(price) + decimal(&model["completionPrice"]),
        })
        .collect();
    assert!(prices.is_sorted());
    assert_eq!(
        prices.last(),
        Some(&Decimal::MAX),
        "a router has no price and comes last"
    );
    let newest = found(&user, "").await;
    let created: Vec<_> = newest.iter().map(|model| text(&model["created"])).collect();
    assert!(created.is_sorted_by(|left, right| left >= right));
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let user = User::new("good");
    let whole = found(&user, "provider=openai&sort=name").await;
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = user
            .get(&format!(
                "/models?provider=openai&sort=name&limit=5{cursor}"
            ))
            .await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        assert_eq!(page.body["matched"], whole.len());
        assert!(list(&page.body["models"]).len() <= 5);
        paged.extend(ids(&page.body["models"]));
        match &page.body["cursor"] {
            Value::Null => break,
            next => cursor = format!("&cursor={}", text(next)),
        }
    }
    assert_eq!(paged, ids(&json!(whole)));
    assert!(paged.len() > 5);
}

#[tokio::test]
async fn a_bad_parameter_is_refused_with_what_it_takes() {
    let user = User::new("good");
    for (query, names, takes) in [
        ("free=perhaps", "`free`", "true or false"),
        ("sort=cheapest", "`sort`", "newest, price, context, name"),
        ("limit=0", "`limit`", "from 1 to 1000"),
        ("limit=1001", "`limit`", "from 1 to 1000"),
        ("minContext=large", "`minContext`", "whole number"),
        (
            "maxPromptPrice=-1",
            "`maxPromptPrice`",
            "per million tokens",
        ),
        (
            "maxCompletionPrice=cheap",
            "`maxCompletionPrice`",
            "per million tokens",
        ),
        ("inputModality=smell", "`inputModality`", "image"),
        (
            "outputModality=txt",
            "`outputModality`",
            "did you mean `text`",
        ),
        (
            "supports=structuredOutputs",
            "`supports`",
            "did you mean `structured_outputs`",
        ),
        ("maxprice=1", "`maxprice`", "maxPromptPrice"),
        ("Provider=openai", "`Provider`", "did you mean `provider`"),
        ("cursor=x", "cursor", "made by this API"),
    ] {
        let refused = user.get(&format!("/models?{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {:?}", refused.body);
        assert_eq!(refused.body["code"], "InvalidRequest", "{query}");
        let cause = text(&refused.body["cause"]);
        assert!(
            cause.contains(names) && cause.contains(takes),
            "{query}: {cause}"
        );
    }
}

#[tokio::test]
async fn the_recommended_models_are_marked_as_living_or_gone() {
    let user = User::new("good");
    let all = user.get("/models?limit=1").await;
    let living: Vec<_> = ids(&json!(found(&user, "").await));
    let offers = list(&all.body["recommended"]);
    assert_eq!(offers.len(), 16);
    let offer = |id: &str| {
        offers
            .iter()
            .find(|row| row["id"] == id)
            .unwrap_or_else(|| panic!("{id} is recommended"))
    };
    for id in ["openai/gpt-4o", "anthropic/claude-3-haiku"] {
        assert_eq!(offer(id)["exists"], true);
        assert_eq!(offer(id)["successor"], Value::Null);
    }
    for (gone, family) in [
        ("anthropic/claude-3.5-sonnet", "anthropic/claude-sonnet"),
        ("anthropic/claude-3-opus", "anthropic/claude-opus"),
        ("google/gemini-pro-1.5", "google/gemini"),
        ("google/gemma-2-9b-it:free", "google/gemma"),
        ("mistralai/mixtral-8x7b-instruct", "mistralai/mixtral"),
        ("microsoft/phi-3-mini-128k-instruct:free", "microsoft/phi"),
    ] {
        assert_eq!(offer(gone)["exists"], false);
        assert!(offer(gone)["description"].is_string());
        let successor = text(&offer(gone)["successor"]);
        assert!(successor.starts_with(family), "{gone} -> {successor}");
        assert!(living.contains(&successor), "{gone} -> {successor}");
    }
    assert_eq!(
        offer("anthropic/claude-3.5-sonnet")["successor"],
        "anthropic/claude-sonnet-5.5"
    );
}

#[tokio::test]
async fn one_model_is_described_with_those_who_serve_it() {
    let user = User::new("good");
    let one = user.get("/models/openai/gpt-4o").await;
    assert_eq!(one.status, 200, "{:?}", one.body);
    assert_eq!(one.body["id"], "openai/gpt-4o");
    assert_eq!(one.body["routing"], json!([]));
    assert_eq!(one.body["endpointsProblem"], Value::Null);
    let served = &one.body["endpoints"][0];
    assert_eq!(served["provider"], "OpenAI");
    assert_eq!(served["promptPrice"], "2.5");
    assert_eq!(served["completionPrice"], "10");
    assert_eq!(served["uptimeLast30m"], 99.9);
    assert!(one.body["ageSeconds"].is_number());
    let free = user.get("/models/google/gemma-4-31b-it:free").await;
    assert_eq!(free.body["free"], true, "{:?}", free.body);
}

#[tokio::test]
async fn an_unknown_model_gets_its_neighbours() {
    let user = User::new("good");
    let unknown = user.get("/models/openai/gpt-4o-minni").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.body["code"], "ModelNotFound");
    let near = text(&unknown.body["solution"][0]);
    assert!(near.contains("openai/gpt-4o-mini"), "{near}");
    assert_eq!(near.matches('/').count(), 3, "three ids: {near}");
    assert!(!text(&unknown.body["cause"]).contains("case"));
    for id in ["openai/GPT-4o", "openai/GPT-4o:nitro"] {
        let unknown = user.get(&format!("/models/{id}")).await;
        assert_eq!(unknown.status, 404);
        assert!(
            text(&unknown.body["cause"]).contains("only the case differs from `openai/gpt-4o`")
        );
        assert!(text(&unknown.body["solution"][0]).contains("openai/gpt-4o"));
    }
    for id in [
        "openrouter/autoo",
        "google/gemma-2-9b-it:free",
        "@preset/",
        "openai",
    ] {
        let unknown = user.get(&format!("/models/{id}")).await;
        assert_eq!(unknown.status, 404, "{id}: {:?}", unknown.body);
    }
}

#[tokio::test]
async fn variants_presets_and_routers_are_described_as_what_they_do() {
    let user = User::new("good");
    for (id, base, parts) in [
        ("openai/gpt-4o:nitro", "openai/gpt-4o", vec![":nitro"]),
        ("openai/gpt-4o:floor", "openai/gpt-4o", vec![":floor"]),
        ("openai/gpt-4o:exacto", "openai/gpt-4o", vec![":exacto"]),
        (
            "openai/gpt-4o:online:nitro",
            "openai/gpt-4o",
            vec![":online", ":nitro"],
        ),
        (
            "openai/gpt-4o@preset/mail",
            "openai/gpt-4o",
            vec!["@preset/mail"],
        ),
        (
            "~openai/gpt-latest",
            "openai/gpt-6-sol",
            vec!["~openai/gpt-latest"],
        ),
        (
            "openrouter/auto",
            "openrouter/auto",
            vec!["openrouter/auto"],
        ),
    ] {
        let one = user.get(&format!("/models/{id}")).await;
        assert_eq!(one.status, 200, "{id}: {:?}", one.body);
        assert_eq!(one.body["requested"], id);
        assert_eq!(one.body["id"], base);
        assert!(one.body["endpoints"].is_array(), "{:?}", one.body);
        let told: Vec<_> = list(&one.body["routing"])
            .iter()
            .map(|routing| {
                assert!(text(&routing["effect"]).len() > 20);
                text(&routing["part"])
            })
            .collect();
        assert_eq!(told, parts);
    }
    for id in ["@preset/mail", "~someone/new-latest", "openrouter/fusion"] {
        let one = user.get(&format!("/models/{id}")).await;
        assert_eq!(one.status, 200, "{id}: {:?}", one.body);
        assert_eq!(one.body["requested"], id);
        assert_eq!(list(&one.body["routing"]).len(), 1);
        assert_eq!(one.body["id"], Value::Null);
        assert_eq!(one.body["endpoints"], Value::Null);
        assert_eq!(one.body["endpointsProblem"]["code"], "ModelChosenLater");
    }
}

#[tokio::test]
async fn a_refresh_reads_openrouter_again() {
    let user = User::new("good");
    let before = user.get("/models?limit=1").await;
    let refreshed = user.post("/models/refresh", &json!({})).await;
    assert_eq!(refreshed.status, 200, "{:?}", refreshed.body);
    assert!(text(&refreshed.body["fetchedAt"]) > text(&before.body["fetchedAt"]));
    let after = user.get("/models?limit=1").await;
    assert!(text(&after.body["fetchedAt"]) >= text(&refreshed.body["fetchedAt"]));
    assert_eq!(after.body["stale"], json!(null));
}
