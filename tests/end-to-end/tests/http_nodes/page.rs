//! Pages of a test's own on this machine. They note what they are asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// Pages on a port of their own.
pub(crate) struct Page {
    pub(crate) port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Value>>,
    failures: AtomicUsize,
}

impl Page {
    pub(crate) async fn new() -> Self {
        let seen = Arc::new(Seen::default());
        let pages = Router::new()
            .route("/json", any(answers_json))
            .route("/text", any(async || "Grüße"))
            .route("/latin", any(latin))
            .route("/binary", any(async || vec![0_u8, 159, 146, 150]))
            .route("/echo", any(echo))
            .route("/bytes/{count}", any(bytes))
            .route("/file/{count}", any(file))
            .route("/status/{status}", any(status))
            .route("/fails/{times}/{status}", any(fails))
            .route("/redirect/{status}", any(redirect))
            .route("/silent", any(silent))
            .fallback(any(async || "here"))
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(&seen),
                note,
            ))
            .with_state(Arc::clone(&seen));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, pages).await });
        Self { port, seen }
    }

    /// The address of a page by the name that the deployment allows.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Value {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen[0].clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn is_asked(&self, times: usize) {
        let asked = async {
            while self.seen().len() < times {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), asked)
            .await
            .expect("it is asked");
    }
}

/// Notes a request, with its body.
async fn note(
    State(seen): State<Arc<Seen>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let noted = described(&head.method, &head.uri, &head.headers, &body);
    seen.requests.lock().unwrap().push(noted);
    next.run(axum::extract::Request::from_parts(head, Body::from(body)))
        .await
}

fn described(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Value {
    let headers: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .collect();
    json!({
        "method": method.as_str(), "path": uri.path(), "query": uri.query(),
        "headers": headers, "body": String::from_utf8_lossy(body),
    })
}

async fn answers_json() -> impl IntoResponse {
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("x-page", "7"),
        ("set-cookie", "session=secret-of-the-session"),
    ];
    (
        headers,
        r#"{"items": [{"name": "tea", "price": 2.5}], "n": 1}"#,
    )
}

async fn latin() -> impl IntoResponse {
    let headers = [("content-type", "text/plain; charset=ISO-8859-1")];
    (headers, vec![b'G', b'r', 0xfc, 0xdf, b'e'])
}

async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let said = described(&method, &uri, &headers, &body).to_string();
    ([("content-type", "application/json")], said)
}

async fn bytes(Path(count): Path<usize>) -> String {
    "b".repeat(count)
}

/// As many bytes, none of which can be taken for its neighbour.
pub(crate) fn counted(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index % 251) as u8).collect()
}

async fn file(Path(count): Path<usize>) -> impl IntoResponse {
    ([("content-type", "text/html")], counted(count))
}

async fn status(Path(status): Path<u16>) -> impl IntoResponse {
    let status = StatusCode::from_u16(status).unwrap();
    (status, format!("said with {status}"))
}

/// Answers with this status so many times, and well after that.
async fn fails(
    State(seen): State<Arc<Seen>>,
    Path((times, status)): Path<(usize, u16)>,
) -> Response<Body> {
    if seen.failures.fetch_add(1, Ordering::SeqCst) >= times {
        return "well".into_response();
    }
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("retry-after", "1")], "later").into_response()
}

/// Leads to the address in the query.
async fn redirect(Path(status): Path<u16>, RawQuery(to): RawQuery) -> impl IntoResponse {
    let to = to.unwrap_or_default();
    let to = form_urlencoded::parse(to.as_bytes());
    let to = to.into_owned().find(|(name, _)| name == "to");
    let location = HeaderValue::from_str(&to.map(|(_, to)| to).unwrap_or_default()).unwrap();
    (
        StatusCode::from_u16(status).unwrap(),
        [(HeaderName::from_static("location"), location)],
    )
}

/// Takes the request and never answers.
async fn silent() -> &'static str {
    sleep(Duration::from_secs(600)).await;
    "late"
}
