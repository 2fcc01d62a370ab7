//! An ended run is posted, signed, to an address that the workflow's author allowed. A post that fails is repeated.

use std::time::Duration;

use end_to_end::{User, callback_secret, noise, text};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::{Headers, Hook, event_id, now, standard};

/// A receiver of callbacks on a port of its own.
pub(super) struct Receiver {
    pub(super) listener: TcpListener,
    pub(super) url: String,
}

/// What was posted.
pub(super) struct Posted {
    path: String,
    headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Posted {
    pub(super) fn header(&self, name: &str) -> &str {
        let (_, value) = self
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .unwrap();
        value
    }
}

impl Receiver {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// The next request, answered with this status.
    pub(super) async fn next(&self, status: &str) -> Posted {
        self.next_after(Duration::ZERO, status).await
    }

    /// The next request, answered with this status after a while.
    pub(super) async fn next_after(&self, pause: Duration, status: &str) -> Posted {
        let accepted = timeout(Duration::from_secs(60), self.listener.accept());
        let (stream, _) = accepted.await.expect("a callback comes").unwrap();
        let (posted, mut stream) = read(stream).await;
        sleep(pause).await;
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        posted
    }
}

async fn read(stream: TcpStream) -> (Posted, TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    assert!(line.starts_with("POST "), "{line}");
    let mut headers = Headers::new();
    loop {
        line.clear();
        reader.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.unwrap().1.parse().unwrap()];
    reader.read_exact(&mut body).await.unwrap();
    let posted = Posted {
        path,
        headers,
        body,
    };
    (posted, reader.into_inner())
}

pub(super) async fn workflow(user: &User, callbacks: Value, prompt: &str) -> String {
    user.workflow_with(json!({
        "callbacks": callbacks,
        "nodes": [{"variableName": "x", "userPrompt": prompt}],
    }))
    .await
}

#[tokio::test]
async fn an_ended_run_is_posted_signed_and_again_until_it_is_taken() {
    let user = User::with_credential().await;
    let receiver = Receiver::new().await;
    let allowed = format!("{}/done/", receiver.url);
    let workflow = workflow(&user, json!([allowed]), "[[echo]]{{topic}}").await;
    let path = format!("/hooks/{workflow}?callbackUrl={allowed}1%3Fa%3Db");
    let started = user.post(&path, &json!({"topic": "tea"})).await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    let run = text(&started.body["id"]);
    let first = receiver.next("500 No").await;
    let second = receiver.next("204 Taken").await;
    let shown = user.get(&format!("/runs/{run}")).await.body;
    for posted in [&first, &second] {
        assert_eq!(posted.path, "/done/1?a=b");
        assert_eq!(posted.header("webhook-id"), run, "the same id each time");
        let time: i64 = posted.header("webhook-timestamp").parse().unwrap();
        assert!((now() - time).abs() < 60);
        let want = standard(&callback_secret(), &run, time, &posted.body);
        let want = want.iter().find(|(name, _)| name == "webhook-signature");
        assert_eq!(posted.header("webhook-signature"), want.unwrap().1);
        let body: Value = serde_json::from_slice(&posted.body).unwrap();
        assert_eq!(body["status"], "SUCCEEDED");
        assert_eq!(body["output"]["x"]["text"], "tea");
        assert_eq!(body, shown, "what GET /runs/{{id}} shows");
    }
    let third = timeout(Duration::from_secs(8), receiver.listener.accept()).await;
    assert!(third.is_err(), "what was taken is not posted again");
}

#[tokio::test]
async fn a_failed_run_is_posted_too() {
    let user = User::with_credential().await;
    let receiver = Receiver::new().await;
    let workflow = workflow(&user, json!([receiver.url]), "{{gone}}").await;
    let path = format!(
        "/workflows/{workflow}/runs?callbackUrl={}/failed",
        receiver.url
    );
    let started = user.post(&path, &json!({"input": {}})).await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    let posted = receiver.next("200 OK").await;
    let body: Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!(body["id"], started.body["id"]);
    assert_eq!(body["status"], "FAILED");
    assert_eq!(body["error"]["code"], "MissingVariable", "{body:#}");
}

#[tokio::test]
async fn a_run_of_a_long_document_is_posted_and_a_repeated_delivery_finds_it() {
    let user = User::with_credential().await;
    let receiver = Receiver::new().await;
    let workflow = user
        .workflow_with(json!({
            "callbacks": [receiver.url],
            "input": {"type": "object", "description": noise(250_000)},
            "nodes": [{"variableName": "x", "userPrompt": "[[fault:slow-headers(ms=8000)]] hi"}],
        }))
        .await;
    let hook = Hook::of(&user, "standard", workflow).await;
    let (id, body) = (event_id(), b"{}");
    let path = format!("{}?callbackUrl={}/long", hook.path, receiver.url);
    let mut runs = Vec::new();
    for repeated in [false, true] {
        let headers = standard(&hook.secret, &id, now(), body);
        let answer = user.deliver(&path, &headers, body).await;
        assert_eq!(answer.status, 202, "{:?}", answer.body);
        assert_eq!(answer.body["repeated"], repeated);
        assert_eq!(answer.body["status"], "RUNNING");
        runs.push(text(&answer.body["id"]));
    }
    assert_eq!(runs[0], runs[1]);
    let posted: Value = serde_json::from_slice(&receiver.next("200 OK").await.body).unwrap();
    assert_eq!(posted["id"], runs[0]);
    assert_eq!(posted["status"], "SUCCEEDED", "{posted:#}");
}

#[tokio::test]
async fn an_address_that_no_author_allowed_is_refused_and_starts_nothing() {
    let user = User::with_credential().await;
    let none = workflow(&user, Value::Null, "hi").await;
    let some = workflow(&user, json!(["https://example.com/done/"]), "hi").await;
    for (workflow, url) in [
        (&none, "https://example.com/done/"),
        (&some, "https://example.org/done/"),
        (&some, "https://example.com/done/../admin"),
        (&some, "https://example.com.evil.org/done/"),
        (&some, "https://user@example.com/done/"),
        (&some, "http://example.com/done/"),
        (&some, "http://169.254.169.254/latest/meta-data/"),
        (&some, "nonsense"),
    ] {
        let refused = user
            .post(&format!("/hooks/{workflow}?callbackUrl={url}"), &json!({}))
            .await;
        assert_eq!(refused.status, 400, "{url}: {:?}", refused.body);
        assert_eq!(refused.body["code"], "CallbackRefused");
        assert_eq!(refused.body["faults"][0]["path"], "callbackUrl");
    }
    for workflow in [&none, &some] {
        assert!(user.runs_of(workflow).await.is_empty());
    }
    let document = json!({"name": "x", "callbacks": ["http://example.com/", "ftp://a/", 5],
        "nodes": [{"type": "openrouter", "variableName": "x", "credential": user.name, "userPrompt": "hi"}]});
    let refused = user
        .put(&format!("/workflows/{}", user.name), &document)
        .await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    let said = refused.body["faults"].to_string();
    for path in ["callbacks[0]", "callbacks[1]", "callbacks[2]"] {
        assert!(said.contains(path), "{said}");
    }
}
