//! What is sent, and what becomes of the answer.

use end_to_end::text;
use serde_json::{Value, json};

use super::page::Page;
use super::{answer, function, tried};

#[tokio::test]
async fn the_answer_is_status_headers_and_data() {
    let page = Page::new().await;
    let answered = answer(json!({"url": page.url("/json")})).await;
    let output = &answered["output"];
    assert_eq!(output["status"], 200, "{answered}");
    assert_eq!(output["data"]["items"][0]["price"], 2.5);
    assert_eq!(output["headers"]["x-page"], "7");
    assert!(output["headers"]["set-cookie"].is_null(), "{output}");
    assert_eq!(page.only()["headers"]["accept"], "*/*");
}

#[tokio::test]
async fn data_is_what_the_node_asks_for() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    for (path, shape, data) in [
        ("/text", None, json!("Grüße")),
        ("/text", Some("text"), json!("Grüße")),
        ("/latin", None, json!("Grüße")),
        (
            "/json",
            Some("text"),
            json!(r#"{"items": [{"name": "tea", "price": 2.5}], "n": 1}"#),
        ),
        ("/status/204", None, Value::Null),
    ] {
        let node = json!({"url": page.url(path), "as": shape});
        let answered = tried(&function, node, json!({})).await;
        assert_eq!(answered["output"]["data"], data, "{path}: {answered}");
    }
    for (path, shape, code) in [
        ("/text", json!("json"), "HttpAnswerUnreadable"),
        ("/binary", Value::Null, "HttpAnswerUnreadable"),
        ("/binary", json!("text"), "HttpAnswerUnreadable"),
        ("/binary", json!("file"), "FileNeedsRun"),
    ] {
        let node = json!({"url": page.url(path), "as": shape});
        let answered = tried(&function, node, json!({})).await;
        assert_eq!(answered["errorType"], code, "{path}: {answered}");
    }
}

#[tokio::test]
async fn query_headers_and_bodies_are_made_of_templates() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    let context = json!({"topic": "tea & biscuits", "list": [1, "two"], "id": 7});
    let sent = async |mut node: Value| {
        node["url"] = json!(page.url("/echo?first=1"));
        let answered = tried(&function, node, context.clone()).await;
        assert_eq!(answered["status"], "SUCCEEDED", "{answered}");
        answered["output"]["data"].clone()
    };
    let query = json!({"query": {"q": "{{topic}}", "n": 3, "all": ["{{id}}", true]}});
    let query = sent(query).await;
    assert_eq!(
        query["query"],
        "first=1&all=7&all=true&n=3&q=tea+%26+biscuits"
    );

    let json = sent(json!({
        "method": "POST", "headers": {"X-Topic": "{{topic}}"},
        "body": {"json": {"topic": "{{topic}}", "n": 3, "list": ["{{id}}", null]}},
    }))
    .await;
    assert_eq!(json["headers"]["content-type"], "application/json");
    assert_eq!(json["headers"]["x-topic"], "tea & biscuits");
    let body: Value = serde_json::from_str(&text(&json["body"])).unwrap();
    assert_eq!(
        body,
        json!({"topic": "tea & biscuits", "n": 3, "list": ["7", null]})
    );

    let inserted = sent(json!({
        "method": "PUT", "body": {"json": "{\"items\": {{json list}}, \"topic\": {{json topic}}}"},
    }))
    .await;
    let body: Value = serde_json::from_str(&text(&inserted["body"])).unwrap();
    assert_eq!(
        body,
        json!({"items": [1, "two"], "topic": "tea & biscuits"})
    );

    let form = json!({"method": "POST", "body": {"form": {"q": "{{topic}}", "n": 1}}});
    let form = sent(form).await;
    assert_eq!(
        form["headers"]["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(form["body"], "n=1&q=tea+%26+biscuits");

    let own = sent(json!({
        "method": "PATCH", "headers": {"content-type": "text/csv"}, "body": {"text": "a,{{id}}"},
    }))
    .await;
    assert_eq!(own["headers"]["content-type"], "text/csv");
    assert_eq!(own["body"], "a,7");
}

#[tokio::test]
async fn what_templates_insert_makes_no_other_request_of_it() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    let context =
        json!({"evil": "a\r\nX-Injected: yes", "quote": "\", \"admin\": true, \"x\": \""});
    let node = json!({"url": page.url("/echo"), "headers": {"X-A": "{{evil}}"}});
    let refused = tried(&function, node, context.clone()).await;
    assert_eq!(refused["errorType"], "HttpRequestInvalid", "{refused}");
    let node = json!({"url": page.url("/echo?a={{evil}}")});
    let refused = tried(&function, node, context.clone()).await;
    assert_eq!(refused["errorType"], "HttpRequestInvalid", "{refused}");
    let node = json!({
        "url": page.url("/echo"), "method": "POST", "body": {"json": {"name": "{{quote}}"}},
    });
    let sent = tried(&function, node, context).await;
    let body: Value = serde_json::from_str(&text(&sent["output"]["data"]["body"])).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    assert_eq!(page.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_longer_than_the_node_takes_fails_it() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    for (bytes, most, fits) in [
        (1000, json!(1000), true),
        (1001, json!(1000), false),
        (1 << 20, Value::Null, true),
        ((1 << 20) + 1, Value::Null, false),
    ] {
        let node = json!({"url": page.url(&format!("/bytes/{bytes}")), "maxBytes": most});
        let answered = tried(&function, node, json!({})).await;
        let code = &answered["errorType"];
        // What fits here is too large for the state's payload of someone's own machine.
        let is_taken = code.is_null() || code == "OutputTooLarge";
        assert_eq!(is_taken, fits, "{bytes}: {code}");
        assert!(fits || code == "HttpAnswerTooLarge", "{bytes}: {code}");
    }
}

#[tokio::test]
async fn a_status_of_400_or_more_is_a_failure_unless_the_node_accepts_it() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    for (status, accept, code) in [
        (200, json!([]), Value::Null),
        (404, json!([]), json!("HttpErrorStatus")),
        (404, json!([404]), Value::Null),
        (404, json!([410]), json!("HttpErrorStatus")),
        (500, json!([]), json!("HttpErrorStatus")),
        (500, json!([500]), Value::Null),
    ] {
        let node = json!({"url": page.url(&format!("/status/{status}")), "accept": accept});
        let answered = tried(&function, node, json!({})).await;
        assert_eq!(answered["errorType"], code, "{status}: {answered}");
        if code.is_null() {
            assert_eq!(answered["output"]["status"], status);
        } else {
            let cause = text(&answered["errorMessage"]);
            assert!(cause.contains(&format!("said with {status}")), "{cause}");
            assert!(
                !cause.contains("/status/"),
                "a path may hold a secret: {cause}"
            );
        }
    }
}
