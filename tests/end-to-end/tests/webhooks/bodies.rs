//! What a delivery carries: its body as the input, the rest as `trigger`, and nothing secret.

use end_to_end::{User, aws, execution_arn, list, text};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Headers, Hook, echoed, event_id, headers, now, signed};

const FORM: &str = "application/x-www-form-urlencoded";

async fn echo(hook: &Hook<'_>, content_type: &str, body: &str) -> Value {
    let mut sent = Headers::new();
    if !content_type.is_empty() {
        sent = headers(&[("content-type", content_type)]);
    }
    let answer = hook.deliver(&sent, body.as_bytes()).await;
    assert_eq!(answer.status, 202, "{content_type}: {:?}", answer.body);
    echoed(&hook.user.ended(&text(&answer.body["id"])).await)
}

#[tokio::test]
async fn json_forms_and_text_become_the_input() {
    let user = User::with_credential().await;
    let hook = Hook::new(
        &user,
        "none",
        "[{{json (default topic null)}}, {{json (default tag null)}}, {{json (default body null)}}]",
    )
    .await;
    for (content_type, body, want) in [
        (
            "application/json",
            r#"{"topic": "tea"}"#,
            json!(["tea", null, null]),
        ),
        (
            "application/json; charset=utf-8",
            r#"{"topic": 7}"#,
            json!([7, null, null]),
        ),
        (
            "application/cloudevents+json",
            r#"{"topic": []}"#,
            json!([[], null, null]),
        ),
        ("", r#" {"topic": "tea"}"#, json!(["tea", null, null])),
        ("", "", json!([null, null, null])),
        // What curl says of JSON.
        (FORM, r#"{"topic": "a&b=c"}"#, json!(["a&b=c", null, null])),
        (
            FORM,
            "topic=green+tea%21&tag=a&tag=b",
            json!(["green tea!", ["a", "b"], null]),
        ),
        (
            "text/plain",
            "green\ntea",
            json!([null, null, "green\ntea"]),
        ),
        (
            "text/plain; charset=utf-8",
            r#"{"topic": 1}"#,
            json!([null, null, r#"{"topic": 1}"#]),
        ),
    ] {
        assert_eq!(
            echo(&hook, content_type, body).await,
            want,
            "{content_type} {body}"
        );
    }
    let token = user
        .deliver_with_token(
            &format!("/hooks/{}?wait=25", hook.workflow),
            &headers(&[("content-type", FORM)]),
            b"{\"topic\": \"octopuses\"}",
        )
        .await;
    assert_eq!(echoed(&token.body), json!(["octopuses", null, null]));
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_in_words_and_starts_nothing() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "none", "{{topic}}").await;
    let large = format!("{{\"topic\": \"{}\"}}", "x".repeat(1_000_000));
    for (content_type, body, status, code) in [
        ("application/json", "{\"topic\": ", 400, "InvalidRequest"),
        ("application/json", "[1, 2]", 400, "InvalidInput"),
        ("application/json", "\"tea\"", 400, "InvalidInput"),
        (FORM, "{\"topic\": ", 400, "InvalidRequest"),
        (FORM, "[1]", 400, "InvalidInput"),
        ("application/xml", "<topic/>", 415, "UnsupportedContentType"),
        (
            "multipart/form-data; boundary=x",
            "--x--",
            415,
            "UnsupportedContentType",
        ),
        ("image/png", "png", 415, "UnsupportedContentType"),
        ("application/json", large.as_str(), 413, "BodyTooLarge"),
        ("text/plain", large.as_str(), 413, "BodyTooLarge"),
    ] {
        let sent = headers(&[("content-type", content_type)]);
        for (path, token) in [
            (hook.path.clone(), false),
            (format!("/hooks/{}", hook.workflow), true),
        ] {
            let refused = if token {
                user.deliver_with_token(&path, &sent, body.as_bytes()).await
            } else {
                user.deliver(&path, &sent, body.as_bytes()).await
            };
            let shown = body.get(..20.min(body.len()));
            assert_eq!(
                refused.status, status,
                "{content_type} {shown:?}: {:?}",
                refused.body
            );
            assert_eq!(refused.content_type, "application/problem+json");
            assert_eq!(refused.body["code"], code, "{content_type} {shown:?}");
            assert!(!text(&refused.body["cause"]).is_empty());
            assert!(!list(&refused.body["solution"]).is_empty());
        }
    }
    let broken = hook.deliver(&Headers::new(), b"{\n  \"topic\": tea}").await;
    assert_eq!(broken.body["faults"][0]["line"], 2, "{:?}", broken.body);
    hook.started_nothing().await;
}

#[tokio::test]
async fn a_declared_input_is_checked_at_the_door_of_a_webhook() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({
            "input": {"type": "object", "required": ["topic", "tags"], "properties": {
                "topic": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}},
            }},
            "nodes": [{"variableName": "x", "userPrompt": "{{topic}}"}],
        }))
        .await;
    let hook = Hook::of(&user, "standard", workflow).await;
    let body = br#"{"tags": ["a", 1, 2], "topic": 7}"#;
    let sent = signed("standard", &hook.secret, &event_id(), now(), body);
    let refused = hook.deliver(&sent, body).await;
    assert_eq!(refused.status, 400, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "InvalidInput");
    let mut paths: Vec<_> = list(&refused.body["faults"])
        .iter()
        .map(|fault| text(&fault["path"]))
        .collect();
    paths.sort();
    assert_eq!(paths, ["tags[1]", "tags[2]", "topic"]);
    hook.started_nothing().await;
}

#[tokio::test]
async fn trigger_tells_of_the_delivery_without_its_secrets() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "standard", "{{json trigger}}").await;
    let body = b"{}";
    let id = event_id();
    let mut sent = signed("standard", &hook.secret, &id, now(), body);
    let secrets = [
        ("Authorization", "Bearer hidden-1"),
        ("Cookie", "session=hidden-2"),
        ("X-Hub-Signature", "hidden-3"),
        ("Stripe-Signature", "hidden-4"),
        ("X-Amz-Security-Token", "hidden-5"),
        ("X-Forwarded-Authorization", "hidden-6"),
        ("X-Api-Key", "hidden-7"),
        ("X-Gitlab-Token", "hidden-8"),
    ];
    sent.extend(headers(&secrets));
    sent.extend(headers(&[("X-Event", "made")]));
    let path = format!(
        "{}?lang=de&lang2=%C3%A4&wait=25&access_token=hidden-9",
        hook.path
    );
    let answer = user.deliver(&path, &sent, body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let trigger = echoed(&answer.body);
    assert_eq!(trigger["type"], "webhook");
    assert_eq!(trigger["webhook"], "door");
    assert_eq!(trigger["id"], json!(id));
    assert_eq!(trigger["runId"], answer.body["id"]);
    assert_eq!(trigger["time"], answer.body["startedAt"]);
    assert_eq!(trigger["query"], json!({"lang": "de", "lang2": "\u{e4}"}));
    assert_eq!(trigger["headers"]["x-event"], "made");
    assert_eq!(trigger["headers"]["content-type"], "application/json");
    assert!(!trigger.to_string().contains("hidden"), "{trigger:#}");
    let signature = &sent
        .iter()
        .find(|(name, _)| name == "webhook-signature")
        .unwrap()
        .1;
    assert!(
        !trigger.to_string().contains(signature.as_str()),
        "{trigger:#}"
    );

    let run = user
        .call(
            Method::POST,
            &format!("/workflows/{}/runs?wait=25", hook.workflow),
            None,
        )
        .await;
    let trigger = echoed(&run.body);
    assert_eq!(trigger["type"], "api");
    assert_eq!(
        trigger["id"], run.body["id"],
        "without an id of its own, the run's"
    );
}

#[tokio::test]
async fn nine_hundred_kilobytes_are_stored_and_not_passed() {
    let user = User::with_credential().await;
    let hook = Hook::new(&user, "standard", "{{len noise}}").await;
    // Hardly compressible, so that it does not fit into an item.
    let mut noise: String = (0..60_000)
        .map(|_| Uuid::now_v7().simple().to_string()[16..].to_owned())
        .collect();
    noise.truncate(900_000);
    let body = json!({"noise": noise}).to_string();
    let sent = signed(
        "standard",
        &hook.secret,
        &event_id(),
        now(),
        body.as_bytes(),
    );
    let answer = hook.deliver(&sent, body.as_bytes()).await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
    let run = user.ended(&text(&answer.body["id"])).await;
    assert_eq!(run["output"]["x"]["text"], "900000", "{}", run["error"]);
    assert_eq!(run["input"]["noise"], json!(noise), "kept whole");
    let execution = aws_sdk_sfn::Client::new(&aws().await)
        .describe_execution()
        .execution_arn(execution_arn(&text(&run["id"])))
        .send()
        .await
        .unwrap();
    assert!(execution.input().unwrap_or_default().len() < 1000);
}
