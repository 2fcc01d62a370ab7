//! What single senders need beside their signature: Slack's question for the address, JSON inside a form, the form of an HMAC.

use end_to_end::{User, text};
use form_urlencoded::Serializer;
use serde_json::json;

use super::{Headers, Hook, event_id, headers, now, signed};

const FORM: &str = "application/x-www-form-urlencoded";

fn as_form(mut signed: Headers) -> Headers {
    signed.retain(|(name, _)| name != "content-type");
    signed.extend(headers(&[("content-type", FORM)]));
    signed
}

fn payload(json: &str) -> Vec<u8> {
    Serializer::new(String::new())
        .append_pair("payload", json)
        .finish()
        .into_bytes()
}

#[tokio::test]
async fn slacks_question_for_the_address_is_answered_once_its_signature_is_good() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "slack", "{{topic}}").await;
    let question = br#"{"token":"t","challenge":"3eZbrw1aBm2rZgRN","type":"url_verification"}"#;
    let stranger = signed("slack", "a-secret-of-somebody-else", "", now(), question);
    let refused = hook.deliver(&stranger, question).await;
    assert_eq!(refused.status, 401, "{:?}", refused.body);
    let good = signed("slack", &hook.secret, "", now(), question);
    let answer = hook.deliver(&good, question).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.body, json!({"challenge": "3eZbrw1aBm2rZgRN"}));
    hook.started_nothing().await;
    // To no other mode is it a question.
    let other = Hook::new(&user, "github", "{{challenge}}").await;
    let good = signed("github", &other.secret, &event_id(), now(), question);
    let answer = other.deliver(&good, question).await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
}

#[tokio::test]
async fn json_in_the_field_payload_of_a_form_is_the_input_where_the_sender_writes_it_so() {
    let user = User::with_credential().await;
    for (mode, body, status, want) in [
        (
            "github",
            payload(r#"{"topic": "tea & \u00e4"}"#),
            202,
            "tea & \u{e4}",
        ),
        ("slack", payload(r#"{"topic": "tea"}"#), 202, "tea"),
        ("github", payload("topic"), 400, "InvalidRequest"),
        ("github", payload("[1]"), 400, "InvalidInput"),
        // With other fields beside it, it is a field as others are.
        ("slack", b"payload=%7B%7D&topic=tea".to_vec(), 202, "tea"),
        ("hmac", b"payload=tea".to_vec(), 202, "none"),
    ] {
        let hook = Hook::new(&user, mode, r#"{{default topic "none"}}"#).await;
        let signed = as_form(signed(mode, &hook.secret, &event_id(), now(), &body));
        let answer = hook.deliver(&signed, &body).await;
        assert_eq!(answer.status, status, "{mode}: {:?}", answer.body);
        if status == 202 {
            let run = user.ended(&text(&answer.body["id"])).await;
            assert_eq!(run["output"]["x"]["text"], want, "{mode}: {run:#}");
        } else {
            assert_eq!(answer.body["code"], want, "{mode}");
        }
    }
}

#[tokio::test]
async fn the_form_of_an_hmac_is_kept_shown_and_checked() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "hmac", "{{topic}}").await;
    let path = format!("/workflows/{}/webhooks/door", hook.workflow);
    let shown = user.get(&path).await;
    let form = json!({
        "header": "x-shopify-hmac-sha256",
        "algorithm": "sha256",
        "encoding": "base64",
        "idHeader": "x-shopify-webhook-id",
    });
    assert_eq!(shown.body["hmac"], form);
    for (body, place) in [
        (json!({"mode": "hmac"}), "hmac"),
        (json!({"mode": "github", "hmac": form}), "hmac"),
        (
            json!({"mode": "hmac", "hmac": {"header": "a b"}}),
            "hmac.header",
        ),
        (
            json!({"mode": "hmac", "hmac": {"header": "a", "prefix": "v 1"}}),
            "hmac.prefix",
        ),
        (json!({"mode": "slack"}), "secret"),
    ] {
        let refused = user.put(&format!("{path}-2"), &body).await;
        assert_eq!(refused.status, 400, "{body}: {:?}", refused.body);
        assert_eq!(refused.body["code"], "InvalidWebhook", "{body}");
        assert_eq!(refused.body["faults"][0]["path"], place, "{body}");
    }
    let unknown = json!({"mode": "hmac", "hmac": {"header": "a", "algorithm": "md5"}});
    let refused = user.put(&path, &unknown).await;
    assert_eq!(refused.body["code"], "InvalidRequest", "{:?}", refused.body);
}
