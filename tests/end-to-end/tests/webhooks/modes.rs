//! Each mode with good, wrong, old, early and repeated deliveries.

use end_to_end::{User, text};
use serde_json::json;

use super::{Headers, Hook, event_id, headers, now, signed};

/// The modes with a secret, and `svix`: mode `standard` with Svix's header names.
const MODES: [&str; 7] = [
    "standard", "svix", "github", "stripe", "slack", "hmac", "bearer",
];

fn wrong_secret(mode: &str) -> String {
    match mode {
        "standard" | "svix" => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        _ => "a-secret-of-somebody-else".to_owned(),
    }
}

fn body(id: &str) -> Vec<u8> {
    // Spaces, order and line ends are part of what is signed.
    // Stripe and Slack have their ids in the body.
    format!("{{ \"topic\" : \"tea\",\r\n\t\"id\":\"{id}\", \"event_id\":\"{id}\"}}\n").into_bytes()
}

#[tokio::test]
async fn a_good_delivery_starts_a_run_and_its_repeat_is_the_same_run() {
    let user = User::with_credential().await;
    for mode in MODES {
        let hook = Hook::new(&user, mode, "{{topic}}").await;
        let id = event_id();
        let body = body(&id);
        let headers = signed(mode, &hook.secret, &id, now(), &body);
        let first = hook.deliver(&headers, &body).await;
        assert_eq!(first.status, 202, "{mode}: {:?}", first.body);
        assert_eq!(first.body["repeated"], false);
        let run = user.ended(&text(&first.body["id"])).await;
        assert_eq!(run["output"]["x"]["text"], "tea", "{mode}: {run:#}");
        assert_eq!(run["trigger"], "webhook");
        let again = hook.deliver(&headers, &body).await;
        assert_eq!(again.status, 202, "{mode}: {:?}", again.body);
        assert_eq!(again.body["id"], first.body["id"], "{mode}");
        assert_eq!(again.body["repeated"], true);
        assert_eq!(again.body["status"], "SUCCEEDED", "it has ended by now");
        assert_eq!(user.runs_of(&hook.workflow).await.len(), 1, "{mode}");
    }
    assert_eq!(user.ledger().await.len(), MODES.len(), "each was paid once");
}

#[tokio::test]
async fn wrong_unsigned_and_altered_deliveries_are_refused_and_start_nothing() {
    let user = User::with_credential().await;
    for mode in MODES {
        let hook = Hook::new(&user, mode, "{{topic}}").await;
        let id = event_id();
        let body = body(&id);
        let good = signed(mode, &hook.secret, &id, now(), &body);
        let wrong = signed(mode, &wrong_secret(mode), &id, now(), &body);
        let unsigned: Headers = headers(&[("content-type", "application/json")]);
        let mut altered = body.clone();
        altered.push(b' ');
        let mut tried = vec![
            (wrong, &body, "WebhookSignatureInvalid"),
            (unsigned, &body, "WebhookUnsigned"),
        ];
        if mode != "bearer" {
            tried.push((good.clone(), &altered, "WebhookSignatureInvalid"));
        }
        for (headers, body, code) in tried {
            let refused = hook.deliver(&headers, body).await;
            assert_eq!(refused.status, 401, "{mode}: {:?}", refused.body);
            assert_eq!(refused.content_type, "application/problem+json");
            assert_eq!(refused.body["code"], code, "{mode}");
            let said = refused.body.to_string();
            assert!(!said.contains(&hook.secret), "{mode}: {said}");
            for (name, value) in &good {
                let name = name.to_lowercase();
                let secret = name.contains("signature") || name.contains("hmac");
                assert!(!secret || !said.contains(value), "{mode}: {said}");
            }
        }
        // Neither does the API's own token open it.
        let token = user.deliver_with_token(&hook.path, &[], &body).await;
        assert_eq!(token.status, 401, "{mode}: {:?}", token.body);
        hook.started_nothing().await;
    }
}

#[tokio::test]
async fn too_old_and_too_early_are_refused_and_what_is_within_the_tolerance_is_not() {
    let user = User::with_credential().await;
    for mode in ["standard", "stripe", "slack"] {
        let hook = Hook::new(&user, mode, "{{topic}}").await;
        for (offset, status) in [(-330, 401), (330, 401), (-270, 202), (270, 202)] {
            let id = event_id();
            let body = body(&id);
            let headers = signed(mode, &hook.secret, &id, now() + offset, &body);
            let answer = hook.deliver(&headers, &body).await;
            assert_eq!(answer.status, status, "{mode} {offset}: {:?}", answer.body);
            if status == 401 {
                assert_eq!(answer.body["code"], "WebhookTimeRefused");
            }
        }
        assert_eq!(user.runs_of(&hook.workflow).await.len(), 2, "{mode}");
        let path = format!("/workflows/{}/webhooks/door", hook.workflow);
        let narrow = json!({"mode": mode, "toleranceSeconds": 30});
        assert_eq!(user.put(&path, &narrow).await.status, 200);
        let id = event_id();
        let body = body(&id);
        let headers = signed(mode, &hook.secret, &id, now() - 60, &body);
        let answer = hook.deliver(&headers, &body).await;
        assert_eq!(answer.status, 401, "{mode}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_checked_as_they_are() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "standard", "{{topic}}").await;
    let body = [0xff, 0xfe, 0x00, b'{'];
    let mut headers = signed("standard", &hook.secret, &event_id(), now(), &body);
    // API Gateway hands the bytes of these types over as they are; those of text types only as UTF-8.
    for (content_type, status) in [
        ("application/octet-stream", 415),
        ("application/x-www-form-urlencoded", 400),
    ] {
        headers.retain(|(name, _)| name != "content-type");
        headers.push(("content-type".to_owned(), content_type.to_owned()));
        let refused = hook.deliver(&headers, &body).await;
        assert_eq!(refused.status, status, "{content_type}: {:?}", refused.body);
    }
    hook.started_nothing().await;
}

#[tokio::test]
async fn only_mode_none_takes_anybody_and_only_where_it_is_chosen() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "none", "{{topic}}").await;
    let answer = hook.deliver(&Headers::new(), b"{\"topic\": \"tea\"}").await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
    let path = format!("/workflows/{}/webhooks/other", hook.workflow);
    let unchosen = user.put(&path, &json!({})).await;
    assert_eq!(unchosen.status, 400, "{:?}", unchosen.body);
    let secret = json!({"mode": "none", "secret": "a-secret-for-nothing"});
    let refused = user.put(&path, &secret).await;
    assert_eq!(refused.body["code"], "InvalidWebhook", "{:?}", refused.body);
}
