//! A delivery that comes several times is one run, however often and however fast it comes.

use std::collections::BTreeSet;

use end_to_end::{User, aws, item_key, table, text};
use futures_util::future::join_all;
use serde_json::json;
use steps_store::keys;

use super::{Headers, Hook, event_id, headers, now, signed};

#[tokio::test]
async fn fifty_at_once_are_one_run_and_one_paid_call() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "standard", "{{topic}}").await;
    let body = b"{\"topic\": \"tea\"}";
    let headers = signed("standard", &hook.secret, &event_id(), now(), body);
    let answers = join_all((0..50).map(|_| hook.deliver(&headers, body))).await;
    let mut ids = BTreeSet::new();
    for answer in &answers {
        assert_eq!(answer.status, 202, "{:?}", answer.body);
        ids.insert(text(&answer.body["id"]));
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    let first = answers
        .iter()
        .filter(|answer| answer.body["repeated"] == false)
        .count();
    assert_eq!(first, 1);
    let run = ids.first().unwrap();
    assert_eq!(user.ended(run).await["status"], "SUCCEEDED");
    let runs = user.runs_of(&hook.workflow).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(text(&runs[0]["id"]), *run);
    assert_eq!(user.ledger().await.len(), 1, "paid once");
}

#[tokio::test]
async fn a_repeat_during_the_run_waits_for_the_same_end() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "bearer", "{{topic}}").await;
    let body = b"{\"topic\": \"tea\"}";
    let headers = signed("bearer", &hook.secret, &event_id(), now(), body);
    let first = hook.deliver(&headers, body).await;
    assert_eq!(first.status, 202, "{:?}", first.body);
    let path = format!("{}?wait=25", hook.path);
    for _ in 0..2 {
        let repeat = user.deliver(&path, &headers, body).await;
        assert_eq!(repeat.status, 200, "{:?}", repeat.body);
        assert_eq!(repeat.body["id"], first.body["id"]);
        assert_eq!(repeat.body["output"]["x"]["text"], "tea");
    }
}

#[tokio::test]
async fn identical_bodies_without_an_id_are_runs_of_their_own() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "none", "{{topic}}").await;
    let body = b"{\"topic\": \"tea\"}";
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let plain = hook.deliver(&Headers::new(), body).await;
        ids.insert(text(&plain.body["id"]));
        let token = user
            .deliver_with_token(&format!("/hooks/{}", hook.workflow), &[], body)
            .await;
        ids.insert(text(&token.body["id"]));
    }
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn an_idempotency_key_works_at_the_doors_of_the_token_too_and_for_one_door_each() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "none", "{{topic}}").await;
    let second = format!("/workflows/{}/webhooks/second", hook.workflow);
    user.put(&second, &json!({"mode": "none"})).await;
    let key = headers(&[("Idempotency-Key", &event_id())]);
    let input = b"{\"topic\": \"tea\"}";
    let mut ids = BTreeSet::new();
    for (path, body) in [
        (hook.path.clone(), &input[..]),
        (format!("/hooks/{}/second", hook.workflow), input),
        (format!("/hooks/{}", hook.workflow), input),
        (
            format!("/workflows/{}/runs", hook.workflow),
            b"{\"input\": {\"topic\": \"tea\"}}",
        ),
    ] {
        let with_token = !path.ends_with("door") && !path.ends_with("second");
        let send = async || {
            if with_token {
                user.deliver_with_token(&path, &key, body).await
            } else {
                user.deliver(&path, &key, body).await
            }
        };
        let first = send().await;
        assert_eq!(first.status, 202, "{path}: {:?}", first.body);
        let again = send().await;
        assert_eq!(again.body["id"], first.body["id"], "{path}");
        assert_eq!(again.body["repeated"], true, "{path}");
        ids.insert(text(&first.body["id"]));
    }
    assert_eq!(ids.len(), 4, "each door has ids of its own");
    let long = headers(&[("Idempotency-Key", &"k".repeat(300))]);
    assert_eq!(hook.deliver(&long, input).await.status, 400);
}

#[tokio::test]
async fn a_captured_delivery_cannot_become_another_by_an_unsigned_header() {
    let user = User::with_credential().await;
    for mode in ["standard", "stripe"] {
        let hook = Hook::new(&user, mode, "{{topic}}").await;
        let body = format!("{{\"topic\": 1, \"id\": \"{}\"}}", event_id());
        let captured = signed(mode, &hook.secret, &event_id(), now(), body.as_bytes());
        let mut ids = BTreeSet::new();
        for _ in 0..2 {
            let mut headers = captured.clone();
            headers.push(("Idempotency-Key".to_owned(), event_id()));
            let answer = hook.deliver(&headers, body.as_bytes()).await;
            assert_eq!(answer.status, 202, "{mode}: {:?}", answer.body);
            ids.insert(text(&answer.body["id"]));
        }
        assert_eq!(ids.len(), 1, "{mode}");
    }
}

#[tokio::test]
async fn a_delivery_of_github_that_was_copied_is_the_same_run_under_any_id() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "github", "{{topic}}").await;
    let body = format!("{{\"topic\": \"{}\"}}", event_id());
    let deliver = async |body: &str| {
        // The id is not signed: whoever has copied a delivery can give it another one.
        let headers = signed("github", &hook.secret, &event_id(), now(), body.as_bytes());
        let answer = hook.deliver(&headers, body.as_bytes()).await;
        assert_eq!(answer.status, 202, "{:?}", answer.body);
        (text(&answer.body["id"]), answer.body["repeated"].clone())
    };
    let (first, _) = deliver(&body).await;
    for _ in 0..2 {
        assert_eq!(deliver(&body).await, (first.clone(), json!(true)));
    }
    let other = format!("{{\"topic\": \"{}\"}}", event_id());
    assert_ne!(deliver(&other).await.0, first);
    assert_eq!(user.runs_of(&hook.workflow).await.len(), 2);
}

#[tokio::test]
async fn an_identity_that_outlives_its_run_starts_a_new_one() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "github", "{{topic}}").await;
    let body = format!("{{\"topic\": \"{}\"}}", event_id());
    let headers = signed("github", &hook.secret, &event_id(), now(), body.as_bytes());
    let first = hook.deliver(&headers, body.as_bytes()).await;
    let first = text(&first.body["id"]);
    user.ended(&first).await;
    // The table drops what has expired one by one, within days.
    let client = aws_sdk_dynamodb::Client::new(&aws().await);
    for key in [keys::run(&first), keys::body(&first)] {
        let delete = client.delete_item().table_name(table());
        let deleted = delete.set_key(Some(item_key(key))).send().await;
        deleted.expect("the record is there");
    }
    let again = hook.deliver(&headers, body.as_bytes()).await;
    assert_eq!(again.status, 202, "{:?}", again.body);
    assert_eq!(again.body["repeated"], false);
    assert_ne!(text(&again.body["id"]), first);
    let repeat = hook.deliver(&headers, body.as_bytes()).await;
    assert_eq!(repeat.body["id"], again.body["id"]);
}

#[tokio::test]
async fn a_key_that_comes_again_with_another_request_is_refused_and_starts_nothing() {
    let user = User::with_credential().await;
    for mode in ["none", "bearer"] {
        let hook = Hook::new(&user, mode, "{{topic}}").await;
        let key = event_id();
        let sent = signed(mode, &hook.secret, &key, now(), b"");
        let body = b"{\"topic\": \"tea\"}";
        let token = [("Idempotency-Key".to_owned(), key)];
        let hooks = format!("/hooks/{}", hook.workflow);
        let runs = format!("/workflows/{}/runs", hook.workflow);
        let first = [
            hook.deliver(&sent, body).await,
            user.deliver_with_token(&hooks, &token, body).await,
            user.deliver_with_token(&runs, &token, b"{\"input\": {\"topic\": \"tea\"}}")
                .await,
        ];
        for answer in &first {
            assert_eq!(answer.status, 202, "{mode}: {:?}", answer.body);
        }
        let other = b"{\"topic\": \"coffee\"}";
        for answer in [
            hook.deliver(&sent, other).await,
            user.deliver(&format!("{}?wait=25", hook.path), &sent, other)
                .await,
            user.deliver_with_token(&hooks, &token, other).await,
            user.deliver_with_token(&runs, &token, b"{\"input\": {\"topic\": \"coffee\"}}")
                .await,
        ] {
            assert_eq!(answer.status, 422, "{mode}: {:?}", answer.body);
            assert_eq!(answer.body["code"], "IdempotencyKeyReused");
            for started in &first {
                assert!(!answer.body.to_string().contains(&text(&started.body["id"])));
            }
        }
        assert_eq!(user.runs_of(&hook.workflow).await.len(), 3, "{mode}");
    }
}

#[tokio::test]
async fn a_door_without_a_secret_shows_no_run_that_another_request_started() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "none", "{{topic}}").await;
    let key = headers(&[("Idempotency-Key", &event_id())]);
    let body = b"{\"topic\": \"tea\"}";
    let path = format!("{}?wait=25", hook.path);
    let own = user.deliver(&path, &key, body).await;
    assert_eq!(own.status, 200, "{:?}", own.body);
    assert_eq!(own.body["output"]["x"]["text"], "tea");
    let again = user.deliver(&path, &key, body).await;
    assert_eq!(again.status, 202, "{:?}", again.body);
    assert_eq!(again.body["repeated"], true);
    assert!(!again.body.to_string().contains("tea"), "{:?}", again.body);
}

#[tokio::test]
async fn a_key_of_a_rerun_counts_for_the_run_that_is_repeated() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": "{{topic}}"}]))
        .await;
    let key = headers(&[("Idempotency-Key", &event_id())]);
    let mut made = BTreeSet::new();
    for topic in ["tea", "coffee"] {
        let run = user.trigger(&workflow, &json!({ "topic": topic })).await;
        user.ended(&run).await;
        let path = format!("/runs/{run}/rerun");
        for repeated in [false, true] {
            let rerun = user.deliver_with_token(&path, &key, b"").await;
            assert_eq!(rerun.status, 202, "{:?}", rerun.body);
            assert_eq!(rerun.body["repeated"], repeated);
            made.insert(text(&rerun.body["id"]));
        }
    }
    assert_eq!(made.len(), 2, "each run has a rerun of its own");
}
