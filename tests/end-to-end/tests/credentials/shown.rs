//! A credential is shown with what OpenRouter says of its key, and with the time of its last use.

use end_to_end::{Sandbox, User, decimal, text};
use jiff::Timestamp;
use openrouter_stand_in::Settings;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::json;

use super::when;

#[tokio::test]
async fn it_is_shown_with_its_limits_its_spending_and_its_last_use() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let before = user.get(&format!("/credentials/{id}")).await.body;
    assert!(before["lastUsedAt"].is_null());
    let key = &before["key"];
    assert_eq!(decimal(&key["usage"]), Decimal::ZERO);
    assert_eq!(key["limit"], "25");
    assert_eq!(key["limitReset"], "monthly");
    assert_eq!(key["isFreeTier"], false);
    assert!(key["expiresAt"].is_null());
    let label = format!("sk-or-v1-goo...{}", &user.key[user.key.len() - 3..]);
    assert_eq!(key["label"], label);

    let started = Timestamp::now();
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": "hi"}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let by_name = user.get(&format!("/credentials/{}", user.name)).await.body;
    assert_eq!(by_name["id"], id);
    let used: Timestamp = text(&by_name["lastUsedAt"]).parse().unwrap();
    assert!(used >= started && used <= Timestamp::now());
    let charged = user.charged().await;
    let key = &by_name["key"];
    for period in ["usage", "usageDaily", "usageWeekly", "usageMonthly"] {
        assert_eq!(decimal(&key[period]), charged, "{period}");
    }
    assert_eq!(decimal(&key["limitRemaining"]), Decimal::from(25) - charged);
    assert!(!by_name.to_string().contains(&user.key));
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute_at_most() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": "hi"}]))
        .await;
    let first = user.trigger(&workflow, &json!({})).await;
    let noted = when(&user, &id, |shown| shown["lastUsedAt"].is_string()).await;
    let second = user.trigger(&workflow, &json!({})).await;
    for run in [first, second] {
        assert_eq!(user.ended(&run).await["status"], "SUCCEEDED");
    }
    let later = user.get(&format!("/credentials/{id}")).await.body;
    assert_eq!(later["lastUsedAt"], noted["lastUsedAt"]);
    assert_eq!(later["revision"], noted["revision"], "a use is no change");
}

#[tokio::test]
async fn a_key_that_openrouter_refuses_leaves_the_record_readable() {
    let user = User::new("good");
    let id = user.store_credential().await;
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let shown = user.get(&format!("/credentials/{id}")).await;
    assert_eq!(shown.status, 200, "{:?}", shown.body);
    assert_eq!(shown.body["name"], user.name);
    assert_eq!(shown.body["keyProblem"]["code"], "InvalidApiKey");
    assert!(shown.body["key"].is_null());
}

#[tokio::test]
async fn with_openrouter_away_the_record_is_readable_and_without_a_management_key_nothing_rotates()
{
    let sandbox = Sandbox::new(Settings::default()).await;
    let credentials = sandbox.function("credentials").await;
    let body = json!({"name": "main", "apiKey": "sk-or-v1-good-in-a-sandbox-0123456789"});
    let created = credentials
        .http(Method::POST, "/credentials", Some(&body))
        .await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    sandbox.tell_stand_in("away", &json!({"away": true})).await;
    let shown = credentials
        .http(Method::GET, "/credentials/main", None)
        .await;
    assert_eq!(shown.status, 200, "{:?}", shown.body);
    assert_eq!(shown.body["lastFour"], "6789");
    assert_eq!(shown.body["keyProblem"]["code"], "ProviderOverloaded");
    assert_eq!(shown.body["keyProblem"]["retryable"], true);
    sandbox.tell_stand_in("away", &json!({"away": false})).await;

    let rotation = json!({"rotation": {"everyDays": 30}});
    let set = credentials
        .http(Method::PUT, "/credentials/main", Some(&rotation))
        .await;
    let now = credentials
        .http(Method::POST, "/credentials/main/rotate", None)
        .await;
    for refused in [set, now] {
        assert_eq!(refused.status, 409, "{:?}", refused.body);
        assert_eq!(refused.body["code"], "RotationNotConfigured");
        let solution = refused.body["solution"].to_string();
        assert!(solution.contains("ManagementKeySecretArn"), "{solution}");
    }
    // Switching off what is off changes nothing and is no error.
    let off = json!({"rotation": null});
    let off = credentials
        .http(Method::PUT, "/credentials/main", Some(&off))
        .await;
    assert_eq!(off.status, 200, "{:?}", off.body);
}
