//! The cached model list: it is refreshed by a schedule and on demand, a reader always gets one whole list, and it is
//! there when OpenRouter cannot be reached.

use std::collections::BTreeMap;
use std::iter::repeat_with;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use end_to_end::{Answer, Function, Sandbox, list, text};
use jiff::{SignedDuration, Timestamp};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};

async fn get(function: &Function, path: &str) -> Answer {
    function.http(Method::GET, path, None).await
}

async fn refresh(function: &Function) -> Answer {
    function.http(Method::POST, "/models/refresh", None).await
}

#[tokio::test]
async fn the_schedules_event_refreshes_the_list() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let models = sandbox.function("models").await;
    let template = local_table::template();
    let target = &template["Resources"]["RefreshModels"]["Properties"]["Target"];
    let event: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
    assert!(sandbox.store.model_list().head().await.unwrap().is_none());
    let answer = models.invoke(event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let head = sandbox.store.model_list().head().await.unwrap();
    assert!(head.is_some(), "the list is stored");
}

#[tokio::test]
async fn a_list_that_comes_in_pages_is_read_whole() {
    let settings = Settings {
        page_size: Some(100),
        ..Settings::default()
    };
    let sandbox = Sandbox::new(settings).await;
    let models = sandbox.function("models").await;
    let refreshed = refresh(&models).await;
    assert_eq!(refreshed.status, 200, "{:?}", refreshed.body);
    assert!(refreshed.body["total"].as_u64().unwrap() >= 650);
    let all = get(&models, "/models").await;
    assert_eq!(all.body["total"], refreshed.body["total"]);
}

#[tokio::test]
async fn one_call_reads_the_list_in_one_read() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let models = sandbox.function("models").await;
    assert_eq!(refresh(&models).await.status, 200);
    sandbox.aws_calls();
    for path in ["/models", "/models?q=mini", "/models/openai/gpt-4o"] {
        assert_eq!(get(&models, path).await.status, 200);
        let reads = BTreeMap::from([("GetItem".to_owned(), 1)]);
        assert_eq!(sandbox.aws_calls(), reads, "{path}");
    }
}

#[tokio::test]
async fn the_list_is_there_when_openrouter_is_away() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let models = sandbox.function("models").await;
    sandbox.tell_stand_in("away", &json!({"away": true})).await;
    let never = get(&models, "/models").await;
    assert!(
        never.status.is_server_error(),
        "there is nothing yet: {:?}",
        never.body
    );
    assert_eq!(never.content_type, "application/problem+json");

    sandbox.tell_stand_in("away", &json!({"away": false})).await;
    assert_eq!(refresh(&models).await.status, 200);
    sandbox.tell_stand_in("away", &json!({"away": true})).await;
    let listed = get(&models, "/models").await;
    assert_eq!(listed.status, 200, "{:?}", listed.body);
    assert!(listed.body["ageSeconds"].as_u64().unwrap() < 120);
    let refused = refresh(&models).await;
    assert!(refused.status.is_server_error(), "{:?}", refused.body);
    let steps = list(&refused.body["solution"]);
    assert!(
        text(steps.last().unwrap()).contains("stays in use"),
        "{steps:?}"
    );
    let one = get(&models, "/models/openai/gpt-4o").await;
    assert_eq!(one.status, 200, "{:?}", one.body);
    assert_eq!(one.body["id"], "openai/gpt-4o");
    assert_eq!(one.body["endpoints"], Value::Null);
    assert!(
        one.body["endpointsProblem"]["cause"].is_string(),
        "{:?}",
        one.body
    );
}

#[tokio::test]
async fn an_empty_list_replaces_nothing() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let models = sandbox.function("models").await;
    assert_eq!(refresh(&models).await.status, 200);
    let before = get(&models, "/models").await;
    let ids: Vec<_> = list(&before.body["models"])
        .iter()
        .map(|row| &row["id"])
        .collect();
    sandbox
        .tell_stand_in("models", &json!({"remove": ids}))
        .await;
    let refused = refresh(&models).await;
    assert_eq!(refused.status, 502, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "UnexpectedAnswer");
    let after = get(&models, "/models").await;
    assert_eq!(after.body["fetchedAt"], before.body["fetchedAt"]);
    assert_eq!(after.body["total"], before.body["total"]);
}

#[tokio::test]
async fn an_old_list_says_how_old_it_is_and_why() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let models = sandbox.function("models").await;
    let two_hours_ago = Timestamp::now() - SignedDuration::from_hours(2);
    let one_model = json!([{"id": "a/only", "name": "Only"}]).to_string();
    let base = sandbox.openrouter();
    let put = sandbox
        .store
        .model_list()
        .replace(&one_model, &base, two_hours_ago)
        .await;
    assert!(put.unwrap());
    sandbox.tell_stand_in("away", &json!({"away": true})).await;
    for path in ["/models", "/models/a/only"] {
        let old = get(&models, path).await;
        assert_eq!(old.status, 200, "{:?}", old.body);
        assert!(old.body["ageSeconds"].as_i64().unwrap() >= 7200);
        assert!(old.body["stale"]["cause"].is_string(), "{:?}", old.body);
    }
    // A function that was not refused a moment ago asks again.
    sandbox.tell_stand_in("away", &json!({"away": false})).await;
    let fresh = get(&sandbox.function("models").await, "/models").await;
    assert!(fresh.body["total"].as_u64().unwrap() >= 650);
    assert!(fresh.body["ageSeconds"].as_i64().unwrap() < 120);
    assert_eq!(fresh.body["stale"], Value::Null);
}

/// Models whose list does not compress into one item.
fn many(mark: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let noise: String = repeat_with(fastrand::alphanumeric).take(150).collect();
            json!({"id": format!("many/{number:05}"), "about": format!("{mark} {noise}")})
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_never_sees_half_a_list() {
    const COUNT: usize = 6000;
    let settings = Settings {
        page_size: Some(1000),
        ..Settings::default()
    };
    let sandbox = Sandbox::new(settings).await;
    let (writer, other, reader) = tokio::join!(
        sandbox.function("models"),
        sandbox.function("models"),
        sandbox.function("models")
    );
    assert_eq!(refresh(&writer).await.status, 200);
    let small = get(&reader, "/models?limit=1").await.body["total"]
        .as_u64()
        .unwrap();
    sandbox
        .tell_stand_in("models", &json!({"add": many("first", COUNT)}))
        .await;
    let large = small + COUNT as u64;
    let done = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let done = Arc::clone(&done);
        async move {
            let mut seen = Vec::new();
            loop {
                let last = done.load(Ordering::Relaxed);
                let page = get(&reader, "/models?limit=1").await;
                assert_eq!(page.status, 200, "{:?}", page.body);
                seen.push(page.body["total"].as_u64().unwrap());
                if last {
                    return seen;
                }
            }
        }
    });
    for _ in 0..3 {
        let (one, two) = tokio::join!(refresh(&writer), refresh(&other));
        for answer in [one, two] {
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            assert_eq!(answer.body["total"], large);
        }
    }
    done.store(true, Ordering::Relaxed);
    let seen = reading.await.unwrap();
    assert!(
        seen.iter().all(|total| *total == small || *total == large),
        "{seen:?}"
    );
    assert_eq!(seen.last(), Some(&large));
    // A cold function needs two reads: the head, and its parts.
    sandbox.aws_calls();
    let cold = get(&sandbox.function("models").await, "/models?limit=1").await;
    assert_eq!(cold.body["total"], large);
    let reads = BTreeMap::from([("GetItem".to_owned(), 1), ("BatchGetItem".to_owned(), 1)]);
    assert_eq!(sandbox.aws_calls(), reads, "the list took several items");
    let found = get(&writer, "/models?provider=many&q=first&limit=1000").await;
    assert_eq!(found.body["matched"], COUNT);
    assert!(found.body.to_string().len() < 6_000_000);
}

#[tokio::test]
async fn a_list_that_was_begun_earlier_never_replaces_a_later_one() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let now = Timestamp::now();
    let earlier = now - SignedDuration::from_secs(5);
    let put = async |models, base, at| {
        let put = sandbox.store.model_list().replace(models, base, at).await;
        put.unwrap()
    };
    assert!(put("[1]", "https://a/api/v1", now).await);
    assert!(!put("[2]", "https://a/api/v1", earlier).await);
    let head = sandbox.store.model_list().head().await.unwrap().unwrap();
    let models = sandbox.store.model_list().models(head).await.unwrap();
    assert_eq!(models, "[1]");
    // Another OpenRouter's list is replaced, whenever it was begun.
    assert!(put("[3]", "https://b/api/v1", earlier).await);
    let head = sandbox.store.model_list().head().await.unwrap().unwrap();
    assert_eq!(head.base_url, "https://b/api/v1");
}

#[tokio::test]
async fn the_list_of_another_openrouter_counts_as_none() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let elsewhere = json!([{"id": "elsewhere/only", "name": "Only"}]).to_string();
    let put = sandbox
        .store
        .model_list()
        .replace(
            &elsewhere,
            "https://elsewhere.example/api/v1",
            Timestamp::now(),
        )
        .await;
    assert!(put.unwrap());
    let models = sandbox.function("models").await;
    sandbox.tell_stand_in("away", &json!({"away": true})).await;
    let none = get(&models, "/models").await;
    assert!(none.status.is_server_error(), "{:?}", none.body);
    sandbox.tell_stand_in("away", &json!({"away": false})).await;
    let listed = get(&models, "/models").await;
    assert!(listed.body["total"].as_u64().unwrap() >= 650);
    let head = sandbox.store.model_list().head().await.unwrap().unwrap();
    assert_eq!(head.base_url, sandbox.openrouter());

    // Every function knows the base URL.
    let template = local_table::template();
    let shared = &template["Globals"]["Function"]["Environment"]["Variables"];
    assert!(!shared["OPENROUTER_BASE_URL"].is_null());
}
