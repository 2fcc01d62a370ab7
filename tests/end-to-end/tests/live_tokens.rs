//! A token lets its holder watch one run, for a while, and nothing else. No log has it.

use std::time::Duration;

use end_to_end::{User, aws_cli, function_logs, service_logs, stream_answer, text};
use jiff::Timestamp;
use local_table::variable;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use steps_live::TokenFor;

async fn run(user: &User) -> String {
    let workflow = user
        .workflow(json!([{"variableName": "x", "type": "set", "value": "1"}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.ended(&run).await;
    run
}

#[tokio::test]
async fn only_a_good_token_is_taken_for_its_own_run_and_no_log_has_it() {
    let user = User::with_credential().await;
    let (mine, other) = (run(&user).await, run(&user).await);
    let made = user.events_token(&mine).await;
    let (url, token) = (text(&made["url"]), text(&made["token"]));
    let good = stream_answer(&url, Some(&token)).await;
    assert_eq!(good.status, 200);
    let body = text(&good.body);
    assert!(body.contains(&mine) && !body.contains(&other));

    // The token of the one run with the id of the other.
    let exchanged = token.replace(&mine, &other);
    let altered = format!("{}A", &token[..token.len() - 1]);
    let later = token.replacen(".17", ".27", 1);
    let of_another_stack = TokenFor {
        run_id: mine.clone(),
        expires_at: Timestamp::now().as_second() + 900,
    }
    .token(&SecretString::from("of another stack"));
    for bad in [
        exchanged.as_str(),
        &altered,
        &later,
        &of_another_stack,
        "v1",
        "",
        &"x".repeat(3_000),
    ] {
        if bad == token {
            continue;
        }
        let refused = stream_answer(&url, Some(bad)).await;
        assert_eq!(refused.status, 401, "{bad}: {:?}", refused.body);
        assert_eq!(refused.body["code"], "EventsTokenInvalid");
        assert_eq!(refused.content_type, "application/problem+json");
    }
    assert_eq!(
        stream_answer(&url, None).await.body["code"],
        "EventsTokenInvalid"
    );

    let secret = format!("{}/events-key", variable("STACK_NAME"));
    let secret = aws_cli(&["secretsmanager", "get-secret-value", "--secret-id", &secret]);
    let expired = TokenFor {
        run_id: mine.clone(),
        expires_at: Timestamp::now().as_second() - 1,
    }
    .token(&SecretString::from(text(&secret["SecretString"])));
    let refused = stream_answer(&url, Some(&expired)).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["code"], "EventsTokenExpired");

    // The API's redirect carries a token of its own, and nobody else is sent anywhere.
    let sent_to = user.sent_to(&mine).await;
    let (address, of_redirect) = sent_to.split_once("?token=").unwrap();
    assert_eq!(address, url);
    assert_eq!(stream_answer(&url, Some(of_redirect)).await.status, 200);
    for path in ["events", "events-token"] {
        let path = format!("/runs/{mine}/{path}");
        let method = if path.ends_with("token") {
            Method::POST
        } else {
            Method::GET
        };
        let stranger = user.try_as(None, method, &path).await;
        assert_eq!(stranger.status, 401);
    }
    let unknown = "019ab000-0000-7000-8000-000000000000";
    let refused = user
        .post(&format!("/runs/{unknown}/events-token"), &json!({}))
        .await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["code"]),
        (404, &json!("RunNotFound"))
    );
    for ttl in [59, 3_601] {
        let path = format!("/runs/{mine}/events-token");
        let refused = user.post(&path, &json!({ "ttlSeconds": ttl })).await;
        assert_eq!(refused.status, 400, "{ttl}");
    }

    tokio::time::sleep(Duration::from_millis(500)).await;
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    for secret in [signature(&token), signature(of_redirect)] {
        assert!(!function_logs().contains(&secret));
        for (file, log) in service_logs() {
            // The local AWS is no part of the stack; it logs no addresses.
            assert!(!log.contains(&secret), "{}", file.display());
        }
    }
}

#[tokio::test]
async fn a_token_with_the_scope_read_is_enough_and_run_alone_is_not() {
    let user = User::with_credential().await;
    let run = run(&user).await;
    let (reader, _) = user.with_scopes(&["read"]).await;
    reader.events_token(&run).await;
    reader.sent_to(&run).await;
    let (runner, _) = user.with_scopes(&["run"]).await;
    let refused = runner
        .post(&format!("/runs/{run}/events-token"), &json!({}))
        .await;
    assert_eq!(refused.body["code"], "InsufficientScope");
    let refused = runner.get(&format!("/runs/{run}/events")).await;
    assert_eq!(refused.body["code"], "InsufficientScope");
}
