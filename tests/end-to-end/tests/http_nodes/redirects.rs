//! Redirects are followed one by one. What is secret goes no further than its origin.

use serde_json::{Value, json};

use super::page::Page;
use super::{function, tried};

#[tokio::test]
async fn a_redirect_on_the_same_origin_is_followed_with_everything() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "b"),
        (308, "POST", "b"),
    ] {
        let node = json!({
            "url": page.url(&format!("/redirect/{status}?to=/echo")), "method": "POST",
            "headers": {"X-Own": "own"}, "body": {"text": "b"},
        });
        let answered = tried(&function, node, json!({})).await;
        let sent = &answered["output"]["data"];
        assert_eq!(sent["method"], method, "{status}: {answered}");
        assert_eq!(sent["body"], body, "{status}");
        assert_eq!(sent["headers"]["x-own"], "own", "{status}");
    }
}

#[tokio::test]
async fn to_another_origin_go_neither_the_nodes_headers_nor_a_body() {
    let (page, other) = (Page::new().await, Page::new().await);
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    let headers = json!({
        "Authorization": "Bearer of-the-document", "Cookie": "session=1", "X-Api-Key": "of-the-document",
        "Accept": "application/json",
    });
    for status in [301, 302, 303, 307, 308] {
        let url = page.url(&format!("/redirect/{status}"));
        let to = json!({"to": other.url("/echo")});
        let node = json!({"url": url, "query": to, "headers": headers});
        let answered = tried(&function, node, json!({})).await;
        let sent = &answered["output"]["data"];
        assert_eq!(sent["headers"]["accept"], "application/json", "{answered}");
        for name in ["authorization", "cookie", "x-api-key", "referer"] {
            assert!(sent["headers"][name].is_null(), "{status} {name}: {sent}");
        }
        let node = json!({
            "url": url, "query": to, "method": "POST", "headers": headers, "body": {"text": "secret-body"},
        });
        let answered = tried(&function, node, json!({})).await;
        if status < 307 {
            assert_eq!(answered["output"]["data"]["method"], "GET", "{answered}");
            assert_eq!(answered["output"]["data"]["body"], "", "{answered}");
            assert!(answered["output"]["data"]["headers"]["idempotency-key"].is_null());
        } else {
            assert_eq!(answered["errorType"], "HttpRedirectRefused", "{answered}");
        }
    }
    let seen = Value::from(other.seen()).to_string();
    assert!(
        !seen.contains("of-the-document") && !seen.contains("secret-body"),
        "{seen}"
    );
}

#[tokio::test]
async fn so_many_are_followed_as_the_node_says() {
    let page = Page::new().await;
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    let node = json!({"url": page.url("/redirect/302?to=/json"), "redirects": 0});
    let answered = tried(&function, node, json!({})).await;
    assert_eq!(answered["output"]["status"], 302, "{answered}");
    assert_eq!(answered["output"]["headers"]["location"], "/json");

    let node = json!({"url": page.url("/redirect/302?to=/redirect/302?to=/json"), "redirects": 1});
    let answered = tried(&function, node, json!({})).await;
    assert_eq!(answered["errorType"], "HttpRedirectRefused", "{answered}");

    let before = page.seen().len();
    let round = "/redirect/302?to=/redirect/302%3Fto%3D/redirect/302";
    let node = json!({"url": page.url(round), "redirects": 2});
    let answered = tried(&function, node, json!({})).await;
    assert_eq!(answered["errorType"], "HttpRedirectRefused", "{answered}");
    assert_eq!(page.seen().len(), before + 3);
}
