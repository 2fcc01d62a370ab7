//! A webhook is put, listed, rotated, disabled and deleted; its secret is shown once.

use end_to_end::{Meets, Sandbox, User, function_logs, list, text, whole_table};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::json;

use super::{Headers, Hook, event_id, now, signed};

#[tokio::test]
async fn a_secret_is_shown_once_and_is_nowhere_else() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "standard", "hi").await;
    let path = format!("/workflows/{}/webhooks/door", hook.workflow);
    assert!(
        hook.secret.starts_with("whsec_"),
        "a Standard Webhooks secret"
    );
    let rotated = user.post(&format!("{path}/rotate"), &json!({})).await;
    assert_eq!(rotated.status, 200, "{:?}", rotated.body);
    let next = text(&rotated.body["secret"]);
    assert_ne!(next, hook.secret);

    let brought = "brought-along-by-its-owner-4711";
    let github = format!("/workflows/{}/webhooks/github", hook.workflow);
    let put = user
        .put(&github, &json!({"mode": "github", "secret": brought}))
        .await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    // A body of the wrong shape is the likeliest place for an error to repeat the secret.
    let wrong = user
        .put(&github, &json!({"mode": "standard", "secret": brought}))
        .await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.body["faults"][0]["path"], "secret");

    let body = b"{\"topic\": 1}";
    let headers = signed("standard", &next, &event_id(), now(), body);
    let run = hook.deliver(&headers, body).await;
    assert_eq!(run.status, 202, "{:?}", run.body);
    let run = user.ended(&text(&run.body["id"])).await;
    let mut said = format!("{} {} {run}", put.body, wrong.body);
    let listing = format!("/workflows/{}/webhooks", hook.workflow);
    for path in [&listing, &path, &github] {
        let answer = user.get(path).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        said.push_str(&answer.body.to_string());
    }
    let again = user.put(&path, &json!({"mode": "standard"})).await;
    assert_eq!(again.status, 200, "{:?}", again.body);
    said.push_str(&again.body.to_string());

    said.push_str(&whole_table().await);
    let logs = function_logs();
    assert!(logs.contains(&hook.workflow), "the run's log is among them");
    said.push_str(&logs);
    for secret in [&hook.secret, &next, brought] {
        assert!(!said.contains(secret.trim_start_matches("whsec_")));
    }
}

#[tokio::test]
async fn the_old_secret_overlaps_the_new_one_for_as_long_as_it_is_told() {
    let user = User::with_credential().await;
    for mode in ["standard", "github", "bearer"] {
        let hook = Hook::new(&user, mode, "{{topic}}").await;
        let rotate = format!("/workflows/{}/webhooks/door/rotate", hook.workflow);
        let status = async |secret: &str| {
            let body = b"{\"topic\": \"tea\"}";
            let headers = signed(mode, secret, &event_id(), now(), body);
            hook.deliver(&headers, body).await.status.as_u16()
        };
        let rotated = user.post(&rotate, &json!({})).await;
        let second = text(&rotated.body["secret"]);
        let until = text(&rotated.body["previousSecretUntil"]);
        let left = until.parse::<jiff::Timestamp>().unwrap().as_second() - now();
        assert!((86_300..=86_400).contains(&left), "a day: {left}");
        assert_eq!(
            (status(&hook.secret).await, status(&second).await),
            (202, 202)
        );

        let rotated = user.post(&rotate, &json!({"overlapSeconds": 4})).await;
        let third = text(&rotated.body["secret"]);
        assert_eq!(status(&hook.secret).await, 401, "only one secret back");
        assert_eq!((status(&second).await, status(&third).await), (202, 202));
        let began = std::time::Instant::now();
        while status(&second).await != 401 {
            assert!(began.elapsed().as_secs() < 15, "the overlap ends");
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        let rotated = user.post(&rotate, &json!({"overlapSeconds": 0})).await;
        let fourth = text(&rotated.body["secret"]);
        assert_eq!((status(&third).await, status(&fourth).await), (401, 202));
    }
}

#[tokio::test]
async fn a_brought_secret_is_replaced_by_another_brought_one() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "stripe", "{{topic}}").await;
    let path = format!("/workflows/{}/webhooks/door", hook.workflow);
    let rotate = format!("{path}/rotate");
    assert_eq!(
        user.post(&rotate, &json!({})).await.status,
        400,
        "Stripe makes it"
    );
    let next = "whsec_rolled_in_stripes_dashboard";
    let rotated = user.post(&rotate, &json!({"secret": next})).await;
    assert_eq!(rotated.status, 200, "{:?}", rotated.body);
    assert!(rotated.body["secret"].is_null(), "not shown back");
    for secret in [&hook.secret, next] {
        let body = format!("{{\"id\": \"{}\", \"topic\": 1}}", event_id());
        let headers = signed("stripe", secret, "", now(), body.as_bytes());
        assert_eq!(hook.deliver(&headers, body.as_bytes()).await.status, 202);
    }
    let unbrought = user
        .put(&format!("{path}-2"), &json!({"mode": "stripe"}))
        .await;
    assert_eq!(unbrought.body["faults"][0]["path"], "secret");
}

#[tokio::test]
async fn what_is_disabled_deleted_or_unknown_takes_nothing() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "github", "{{topic}}").await;
    let path = format!("/workflows/{}/webhooks/door", hook.workflow);
    let body = b"{\"topic\": \"tea\"}";
    let headers = signed("github", &hook.secret, &event_id(), now(), body);
    let put = user
        .put(&path, &json!({"mode": "github", "enabled": false}))
        .await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    let refused = hook.deliver(&headers, body).await;
    assert_eq!(refused.status, 403, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "WebhookDisabled");
    for unknown in [
        format!("/hooks/{}/nobody", hook.workflow),
        "/hooks/nothing-here/door".to_owned(),
    ] {
        let refused = user.deliver(&unknown, &headers, body).await;
        assert_eq!(refused.status, 404, "{unknown}");
        assert_eq!(refused.body["code"], "WebhookNotFound");
    }
    hook.started_nothing().await;
    let enabled = user.put(&path, &json!({"mode": "github"})).await;
    assert_eq!(enabled.body["enabled"], true);
    assert!(
        enabled.body["secret"].is_null(),
        "the secret stays as it is"
    );
    assert_eq!(hook.deliver(&headers, body).await.status, 202);

    assert_eq!(user.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(user.call(Method::DELETE, &path, None).await.status, 404);
    assert_eq!(user.get(&path).await.status, 404);
    assert_eq!(hook.deliver(&headers, body).await.status, 404);
    let remade = user.put(&path, &json!({"mode": "github"})).await;
    assert_eq!(remade.status, 201, "{:?}", remade.body);
    assert_ne!(text(&remade.body["secret"]), hook.secret);
    let status = hook.deliver(&headers, body).await.status;
    assert_eq!(status, 401, "the secret went with the webhook");
}

#[tokio::test]
async fn webhooks_are_listed_and_their_management_needs_the_token() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "standard", "hi").await;
    let listing = format!("/workflows/{}/webhooks", hook.workflow);
    for (name, mode) in [("b", "bearer"), ("a", "none")] {
        let put = user
            .put(&format!("{listing}/{name}"), &json!({"mode": mode}))
            .await;
        assert_eq!(put.status, 201, "{:?}", put.body);
        assert_eq!(put.body["path"], format!("/hooks/{}/{name}", hook.workflow));
    }
    let listed = user.get(&listing).await;
    let rows: Vec<_> = list(&listed.body["webhooks"])
        .iter()
        .map(|row| (text(&row["name"]), text(&row["mode"])))
        .collect();
    let want = [("a", "none"), ("b", "bearer"), ("door", "standard")];
    assert_eq!(
        rows,
        want.map(|(name, mode)| (name.to_owned(), mode.to_owned()))
    );
    assert_eq!(
        user.get("/workflows/nothing-here/webhooks").await.status,
        404
    );
    for body in [
        json!({"mode": "md5"}),
        json!({"mode": "standard", "toleranceSeconds": 0}),
        json!({"mode": "standard", "tolerance": 5}),
        json!({"mode": "bearer", "secret": "short"}),
    ] {
        let refused = user.put(&format!("{listing}/c"), &body).await;
        assert_eq!(refused.status, 400, "{body}: {:?}", refused.body);
    }
    let name = user
        .put(&format!("{listing}/a%20name"), &json!({"mode": "none"}))
        .await;
    assert_eq!(name.body["faults"][0]["path"], "name", "{:?}", name.body);
    let one = user.call_as(None, &format!("{listing}/door")).await;
    assert_eq!(one.status, 401);
    let rotate = user
        .deliver(&format!("{listing}/door/rotate"), &Headers::new(), b"{}")
        .await;
    assert_eq!(rotate.status, 401, "{:?}", rotate.body);
}

#[tokio::test]
async fn another_mode_brings_another_secret_at_once() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "bearer", "{{topic}}").await;
    let path = format!("/workflows/{}/webhooks/door", hook.workflow);
    let put = user.put(&path, &json!({"mode": "github"})).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    let next = text(&put.body["secret"]);
    let body = b"{\"topic\": \"tea\"}";
    let old = signed("bearer", &hook.secret, &event_id(), now(), body);
    assert_eq!(hook.deliver(&old, body).await.status, 401);
    let old_signed = signed("github", &hook.secret, &event_id(), now(), body);
    assert_eq!(hook.deliver(&old_signed, body).await.status, 401);
    let new = signed("github", &next, &event_id(), now(), body);
    assert_eq!(hook.deliver(&new, body).await.status, 202);
    let none = user.put(&path, &json!({"mode": "none"})).await;
    assert!(none.body["secret"].is_null());
    assert_eq!(hook.deliver(&Headers::new(), body).await.status, 202);
}

/// A sandbox with an empty workflow `w`.
async fn with_workflow() -> Sandbox {
    let sandbox = Sandbox::new(Settings::default()).await;
    let document = json!({"name": "w", "nodes": []}).to_string();
    let (names, now) = (std::collections::BTreeSet::new(), jiff::Timestamp::now());
    let put = sandbox.store.workflows();
    put.put("w", "w", &document, &names, &names, now)
        .await
        .unwrap();
    sandbox
}

#[tokio::test]
async fn a_deletion_that_got_half_way_is_repeated_and_leaves_no_secret() {
    let sandbox = with_workflow().await;
    let webhooks = sandbox.function("webhooks").await;
    let path = "/workflows/w/webhooks/door";
    let body = json!({"mode": "bearer"});
    let put = webhooks.http(Method::PUT, path, Some(&body)).await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    for operation in ["DeleteSecret", "DeleteItem"] {
        sandbox.trouble(operation, "", 1, Meets::Refused("AccessDeniedException"));
        let failed = webhooks.http(Method::DELETE, path, None).await;
        assert_eq!(failed.status, 500, "{operation}: {:?}", failed.body);
    }
    let deleted = webhooks.http(Method::DELETE, path, None).await;
    assert_eq!(deleted.status, 204, "{:?}", deleted.body);
    assert_eq!(sandbox.store.webhooks().list("w").await.unwrap(), []);
}

#[tokio::test]
async fn a_webhook_whose_answer_was_lost_keeps_its_secret() {
    let sandbox = with_workflow().await;
    let webhooks = sandbox.function("webhooks").await;
    let path = "/workflows/w/webhooks/door";
    let body = json!({"mode": "bearer"});
    let trouble = sandbox.trouble("PutItem", "bearer", 1, Meets::AnswerHeldBack);
    let put = webhooks.http(Method::PUT, path, Some(&body)).await;
    trouble.met().await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    assert_eq!(sandbox.aws_calls().get("DeleteSecret"), None);
    let secret = text(&put.body["secret"]);
    let receive = sandbox.function("receive-webhook").await;
    let proof = format!("Bearer {secret}");
    let sent = [("authorization", proof.as_str())];
    let started = receive
        .http_with(Method::POST, "/hooks/w/door", &sent, Some(&json!({})))
        .await;
    assert_ne!(
        started.body["code"], "WebhookSecretMissing",
        "{:?}",
        started.body
    );
}
