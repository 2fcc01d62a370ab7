//! A node is tried again where that does no harm: the run waits as long as the other side says.

use end_to_end::{User, list, node, text};
use serde_json::{Value, json};

use super::page::Page;

async fn run(nodes: Value) -> Value {
    User::new("good").run(nodes, json!({})).await
}

fn http(mut fields: Value) -> Value {
    fields["type"] = json!("http");
    fields["variableName"] = json!("x");
    json!([fields])
}

fn attempts(run: &Value) -> &[Value] {
    list(&node(run, "x")["attempts"])
}

#[tokio::test]
async fn a_status_that_passes_is_waited_out_as_long_as_the_other_side_says() {
    let page = Page::new().await;
    let run = run(http(json!({"url": page.url("/fails/2/503")}))).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["output"]["x"]["data"], "well");
    let attempts = attempts(&run);
    assert_eq!(attempts.len(), 3, "{run:#}");
    assert_eq!(attempts[0]["code"], "HttpErrorStatus");
    assert_eq!(attempts[0]["waitSeconds"], 1);
    assert_eq!(page.seen().len(), 3);
}

#[tokio::test]
async fn a_post_is_sent_again_only_where_nothing_was_done_and_with_the_same_key() {
    for (status, retry_on, tries) in [
        (429, Value::Null, 2),
        (503, Value::Null, 2),
        // A gateway does not know what became of it.
        (502, Value::Null, 1),
        (504, Value::Null, 1),
        (500, Value::Null, 1),
        (502, json!([502]), 2),
        (503, json!([]), 1),
    ] {
        let page = Page::new().await;
        let url = page.url(&format!("/fails/1/{status}"));
        let mut fields = json!({"url": url, "method": "POST", "body": {"text": "b"}});
        if !retry_on.is_null() {
            fields["retryOn"] = retry_on;
        }
        let run = run(http(fields)).await;
        let succeeded = if tries == 2 { "SUCCEEDED" } else { "FAILED" };
        assert_eq!(run["status"], succeeded, "{status}: {run:#}");
        let seen = page.seen();
        assert_eq!(seen.len(), tries, "{status}");
        let key = format!("{}.x", run["id"].as_str().unwrap());
        for request in seen {
            assert_eq!(request["headers"]["idempotency-key"], key, "{request}");
        }
    }
}

#[tokio::test]
async fn a_post_whose_answer_does_not_come_is_not_sent_again_and_a_get_is() {
    let page = Page::new().await;
    let fields =
        json!({"url": page.url("/silent"), "timeoutSeconds": 1, "retry": {"maxAttempts": 2}});
    let mut post = fields.clone();
    post["method"] = json!("POST");
    let posted = run(http(post.clone())).await;
    assert_eq!(posted["error"]["code"], "OutcomeUnknown", "{posted:#}");
    assert_eq!((attempts(&posted).len(), page.seen().len()), (1, 1));

    post["repeatable"] = json!(true);
    let repeated = run(http(post)).await;
    assert_eq!(repeated["error"]["code"], "HttpTimeout", "{repeated:#}");
    assert_eq!((attempts(&repeated).len(), page.seen().len()), (2, 3));

    let got = run(http(fields)).await;
    assert_eq!(got["error"]["code"], "HttpTimeout", "{got:#}");
    assert_eq!((attempts(&got).len(), page.seen().len()), (2, 5));
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_tried_again_for_every_method() {
    // Nobody listens there any more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://localhost:{port}/");
    let fields = json!({"url": url, "method": "POST", "retry": {"maxAttempts": 2}});
    let run = run(http(fields)).await;
    assert_eq!(run["error"]["code"], "HttpUnreachable", "{run:#}");
    assert_eq!(attempts(&run).len(), 2);
}

#[tokio::test]
async fn the_documents_own_key_is_sent_and_none_where_it_wants_none() {
    let page = Page::new().await;
    let headers = json!({"Idempotency-Key": "own-{{trigger.type}}"});
    let post = |more: Value| {
        let mut fields = json!({"url": page.url("/echo"), "method": "POST"});
        fields
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        http(fields)
    };
    let own = run(post(json!({"headers": headers}))).await;
    let sent = &own["output"]["x"]["data"]["headers"];
    assert_eq!(sent["idempotency-key"], "own-webhook", "{own:#}");
    let none = run(post(json!({"idempotencyKey": false}))).await;
    let sent = &none["output"]["x"]["data"]["headers"];
    assert!(sent["idempotency-key"].is_null(), "{none:#}");
}

#[tokio::test]
async fn each_item_of_a_list_has_a_key_of_its_own() {
    let page = Page::new().await;
    let nodes = http(json!({
        "url": page.url("/echo"), "method": "POST", "forEach": {"items": "{{list}}"},
        "body": {"json": "{{json item}}"},
    }));
    let run = User::new("good")
        .run(nodes, json!({"list": [{"n": 1}, {"n": 2}, {"n": 3}]}))
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let mut keys = Vec::new();
    for request in page.seen() {
        let key = text(&request["headers"]["idempotency-key"]);
        assert!(key.starts_with(run["id"].as_str().unwrap()), "{key}");
        keys.push(key);
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "{keys:?}");
}
