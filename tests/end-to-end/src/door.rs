//! A proxy in front of AWS. It counts the calls that go through it, and makes trouble where a test asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::serve::serve;

/// The door, and the origin that it is open at.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) origin: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    counts: Mutex<BTreeMap<String, usize>>,
    troubles: Mutex<Vec<Arc<Trouble>>>,
    aws: String,
    http: reqwest::Client,
}

/// What a call meets.
#[derive(Debug, Clone, Copy)]
pub enum Meets {
    /// It does not reach AWS, and it is never answered.
    HeldBack,
    /// AWS does what it asks, and the answer is held back.
    AnswerHeldBack,
    /// Refused, as the service itself throttles.
    Throttling,
    /// A transaction cancelled for this reason.
    Cancelled(&'static str),
    /// Refused under this code of AWS.
    Refused(&'static str),
    /// 500, as the service itself fails.
    InternalError,
    /// Done, but later.
    Slow(Duration),
}

/// Trouble that calls of one operation meet.
#[derive(Debug)]
pub struct Trouble {
    operation: &'static str,
    containing: &'static str,
    meets: Meets,
    left: Mutex<usize>,
    met: Notify,
}

impl Trouble {
    /// Waits until a call has met it.
    pub async fn met(&self) {
        self.met.notified().await;
    }
}

impl Door {
    /// A door to the AWS at `aws`.
    pub(crate) async fn open(aws: String) -> Self {
        let inner = Arc::new(Inner {
            counts: Mutex::default(),
            troubles: Mutex::default(),
            aws,
            http: reqwest::Client::new(),
        });
        let router = Router::new()
            .fallback(hand_on)
            .with_state(Arc::clone(&inner));
        Self {
            origin: serve(router).await,
            inner,
        }
    }

    /// How often each operation was called since the last call of this function.
    pub(crate) fn calls(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.inner.counts.lock().expect("no test panicked with it"))
    }

    /// Makes trouble for the next `times` calls of an operation whose request has this text in it.
    pub(crate) fn trouble(
        &self,
        operation: &'static str,
        containing: &'static str,
        times: usize,
        meets: Meets,
    ) -> Arc<Trouble> {
        let trouble = Arc::new(Trouble {
            operation,
            containing,
            meets,
            left: Mutex::new(times),
            met: Notify::new(),
        });
        self.troubles().push(Arc::clone(&trouble));
        trouble
    }

    /// Ends all trouble.
    pub(crate) fn calm(&self) {
        self.troubles().clear();
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Trouble>>> {
        self.inner
            .troubles
            .lock()
            .expect("no test panicked with it")
    }
}

impl Inner {
    fn meets(&self, operation: &str, body: &[u8]) -> Option<Meets> {
        let body = String::from_utf8_lossy(body);
        let troubles = self.troubles.lock().expect("no test panicked with it");
        let trouble = troubles.iter().find(|trouble| {
            let mut left = trouble.left.lock().expect("no test panicked with it");
            let meets =
                trouble.operation == operation && body.contains(trouble.containing) && *left > 0;
            if meets {
                *left -= 1;
            }
            meets
        })?;
        trouble.met.notify_one();
        Some(trouble.meets)
    }
}

async fn hand_on(State(door): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX)
        .await
        .expect("the request is whole");
    let operation = operation(&parts.method, &parts.headers);
    *door
        .counts
        .lock()
        .expect("no test panicked with it")
        .entry(operation.clone())
        .or_default() += 1;
    let meets = door.meets(&operation, &body);
    match meets {
        Some(Meets::HeldBack) => return std::future::pending().await,
        Some(Meets::Throttling) => return throttled(&operation),
        Some(Meets::Cancelled(reason)) => return cancelled(reason),
        Some(Meets::Refused(code)) => return refused(400, code, &operation),
        Some(Meets::InternalError) => return refused(500, "InternalServerError", &operation),
        Some(Meets::Slow(pause)) => sleep(pause).await,
        Some(Meets::AnswerHeldBack) | None => {}
    }
    let answer = door
        .http
        .request(parts.method, format!("{}{}", door.aws, parts.uri))
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .expect("the local AWS answers");
    let status = answer.status();
    let headers = answer.headers().clone();
    let body = answer.bytes().await.expect("the answer is whole");
    if matches!(meets, Some(Meets::AnswerHeldBack)) {
        return std::future::pending().await;
    }
    (status, headers, body).into_response()
}

/// The operation, such as `GetItem` or `GetSecretValue`. A call of S3 names none: it is `PUT` or `GET`.
fn operation(method: &Method, headers: &HeaderMap) -> String {
    headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.split_once('.'))
        .map_or_else(|| method.to_string(), |(_, operation)| operation.to_owned())
}

/// Each service says it in its own way.
fn throttled(operation: &str) -> Response {
    match operation {
        "PUT" | "GET" => {
            let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code>\
                        <Message>Please reduce your request rate.</Message></Error>";
            let headers = [("content-type", "application/xml")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
        }
        "TransactWriteItems" | "BatchGetItem" | "GetItem" | "UpdateItem" | "PutItem" | "Query" => {
            refused(400, "ProvisionedThroughputExceededException", operation)
        }
        _ => refused(400, "ThrottlingException", operation),
    }
}

/// DynamoDB's transactions are cancelled where they meet others, or too many.
fn cancelled(reason: &str) -> Response {
    let code = "TransactionCanceledException";
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
        "message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{reason}, None]"),
        "CancellationReasons": [{"Code": reason, "Message": "as asked"}, {"Code": "None"}],
    });
    answer(400, &body)
}

fn refused(status: u16, code: &str, operation: &str) -> Response {
    let body = json!({"__type": code, "message": format!("{operation} was refused, as asked")});
    answer(status, &body)
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let headers = [("content-type", "application/x-amz-json-1.0")];
    (status, headers, Bytes::from(body.to_string())).into_response()
}
