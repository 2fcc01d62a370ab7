//! The console is a page that everybody may load: it has no secret, a strict policy, and files that are loaded once.

use end_to_end::{Sandbox, routes};
use openrouter_stand_in::Settings;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, IF_NONE_MATCH};
use reqwest::{Response, StatusCode};
use serde_json::json;

/// What an open route answers to a browser: no token is sent.
async fn get(path: &str, accepted: &str, known: Option<&str>) -> Response {
    let api = std::env::var("API_URL").unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut request = reqwest::Client::new()
        .get(format!("{api}{path}"))
        .header(ACCEPT_ENCODING, accepted);
    if let Some(known) = known {
        request = request.header(IF_NONE_MATCH, known);
    }
    request.send().await.unwrap()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// The files that a text names: `console/<name>` of the page, `./<name>` of a script.
fn named(text: &str) -> Vec<String> {
    let ends = |letter: char| !(letter.is_ascii_alphanumeric() || ['-', '.'].contains(&letter));
    ["\"console/", "\"./"]
        .into_iter()
        .flat_map(|before| text.split(before).skip(1))
        .map(|rest| rest.split(ends).next().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn everybody_gets_the_page_and_what_it_names_and_a_browser_loads_it_once() {
    let page = get("/console", "identity", None).await;
    assert_eq!(page.status(), StatusCode::OK);
    let headers = page.headers().clone();
    assert_eq!(text(&headers, "content-type"), "text/html; charset=utf-8");
    assert_eq!(text(&headers, "cache-control"), "no-cache");
    assert_eq!(text(&headers, "content-encoding"), "");
    let etag = text(&headers, "etag").to_owned();
    let again = get("/console", "gzip", Some(&etag)).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(again.bytes().await.unwrap().is_empty());

    let mut files = named(&page.text().await.unwrap());
    assert!(files.len() >= 3, "{files:?}");
    let mut seen = 0;
    while let Some(name) = files.get(seen).cloned() {
        seen += 1;
        let path = format!("/console/{name}");
        let plain = get(&path, "identity", None).await;
        assert_eq!(plain.status(), StatusCode::OK, "{path}");
        let kept = text(plain.headers(), "cache-control").to_owned();
        assert_eq!(kept, "public, max-age=31536000, immutable", "{path}");
        let plain = plain.text().await.unwrap();
        let small = get(&path, "br, gzip", None).await;
        assert_eq!(text(small.headers(), "content-encoding"), "gzip", "{path}");
        let small = small.bytes().await.unwrap();
        assert_eq!(small[..2], [0x1f, 0x8b], "{path}");
        // A file of a few bytes has nothing to compress.
        assert!(small.len() < plain.len().max(200), "{path}");
        for other in named(&plain)
            .into_iter()
            .filter(|name| name.ends_with(".js"))
        {
            if !files.contains(&other) {
                files.push(other);
            }
        }
    }
}

#[tokio::test]
async fn the_page_may_run_its_own_script_only_and_talk_to_this_api_only() {
    let page = get("/console", "gzip", None).await;
    let headers = page.headers();
    let policy: Vec<&str> = text(headers, "content-security-policy")
        .split("; ")
        .collect();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.contains(&rule), "{rule}: {policy:?}");
    }
    assert!(policy.iter().all(|rule| !rule.contains("unsafe")));
    assert!(
        policy
            .iter()
            .any(|rule| rule.starts_with("connect-src 'self'"))
    );
    assert_eq!(text(headers, "x-content-type-options"), "nosniff");
    assert_eq!(text(headers, "referrer-policy"), "no-referrer");
    assert_eq!(text(headers, "cross-origin-opener-policy"), "same-origin");
}

#[tokio::test]
async fn what_is_no_file_of_the_console_is_not_there() {
    for path in [
        "/console/nothing.js",
        "/console/../runs",
        "/console/..%2Fruns",
        "/console/%2e%2e/credentials",
        "/console/a/b",
    ] {
        let answer = get(path, "gzip", None).await;
        let status = answer.status().as_u16();
        assert!([401, 404].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn the_function_of_the_console_serves_nothing_else_and_calls_nobody() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let console = sandbox.function("console").await;
    for route in routes()
        .iter()
        .filter(|route| !route.key.starts_with("GET /console"))
    {
        let event = json!({
            "version": "2.0",
            "rawPath": "/console",
            "headers": {},
            "pathParameters": {"proxy": "index.html", "id": "x"},
            "requestContext": {
                "routeKey": route.key,
                "stage": "$default",
                "authorizer": {"lambda": {"principal": "root", "scopes": "admin"}},
                "http": {"method": "GET", "path": "/console"},
            },
            "isBase64Encoded": false,
        });
        let answer = console.http_event(event).await;
        assert_eq!(answer.status, 404, "{}: {:?}", route.key, answer.body);
        assert_eq!(answer.body["code"], "NoSuchRoute", "{}", route.key);
    }
    assert_eq!(sandbox.aws_calls().values().sum::<usize>(), 0);
}
