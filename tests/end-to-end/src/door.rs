//! A proxy in front of AWS. It counts the calls that go through it and what they consume, and makes trouble where a test
//! asks for it. Each function goes through it at a port of its own, so that trouble can end the one that meets it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::serve::serve;
use crate::step_functions::StepFunctions;

/// The door.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    inner: Arc<Inner>,
}

/// A function's way through the door.
#[derive(Debug)]
pub(crate) struct Way {
    /// Where it begins.
    pub(crate) origin: String,
    /// Told when the function has met what it dies of.
    pub(crate) death: Arc<Notify>,
}

#[derive(Debug)]
struct Inner {
    counts: Mutex<BTreeMap<String, usize>>,
    units: Mutex<f64>,
    troubles: Mutex<Vec<Arc<Trouble>>>,
    step_functions: StepFunctions,
    aws: String,
    http: reqwest::Client,
}

/// The door, and who is at it.
#[derive(Debug, Clone)]
struct AtDoor {
    inner: Arc<Inner>,
    death: Arc<Notify>,
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
    /// The function dies before the call reaches AWS.
    Dies,
    /// AWS does what it asks, and the function dies before it hears of that.
    DiesAfter,
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

    /// Whether as many calls as were to have met it.
    pub fn is_over(&self) -> bool {
        *self.left.lock().expect("no test panicked with it") == 0
    }
}

impl Door {
    /// A door to the AWS at `aws`.
    pub(crate) fn new(aws: String) -> Self {
        let inner = Arc::new(Inner {
            counts: Mutex::default(),
            units: Mutex::default(),
            troubles: Mutex::default(),
            step_functions: StepFunctions::default(),
            aws,
            http: reqwest::Client::new(),
        });
        Self { inner }
    }

    /// Opens it for one function.
    pub(crate) async fn open(&self) -> Way {
        let death = Arc::<Notify>::default();
        let at_door = AtDoor {
            inner: Arc::clone(&self.inner),
            death: Arc::clone(&death),
        };
        let router = Router::new().fallback(hand_on).with_state(at_door);
        Way {
            origin: serve(router).await,
            death,
        }
    }

    /// Step Functions as it is played behind the door.
    pub(crate) fn step_functions(&self) -> &StepFunctions {
        &self.inner.step_functions
    }

    /// The write units of the table that were consumed since the last call of this function: those of indexes are among
    /// them, and a transaction's count twice.
    pub(crate) fn write_units(&self) -> f64 {
        std::mem::take(&mut self.inner.units.lock().expect("no test panicked with it"))
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

async fn hand_on(State(at_door): State<AtDoor>, request: Request) -> Response {
    let door = at_door.inner;
    let (mut parts, body) = request.into_parts();
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
        Some(Meets::Dies) => {
            at_door.death.notify_one();
            return std::future::pending().await;
        }
        Some(Meets::AnswerHeldBack | Meets::DiesAfter) | None => {}
    }
    let played = door.step_functions.answer(&operation, &body);
    let response = if let Some((status, body)) = played {
        answer(status, &body)
    } else {
        let body = if WRITES.contains(&operation.as_str()) {
            parts.headers.remove(CONTENT_LENGTH);
            asking_what_it_consumes(&body)
        } else {
            body
        };
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
        if WRITES.contains(&operation.as_str()) {
            *door.units.lock().expect("no test panicked with it") += consumed(&body);
        }
        (status, headers, body).into_response()
    };
    match meets {
        Some(Meets::AnswerHeldBack) => std::future::pending().await,
        Some(Meets::DiesAfter) => {
            at_door.death.notify_one();
            std::future::pending().await
        }
        _ => response,
    }
}

/// The operations that consume write units.
const WRITES: [&str; 4] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];

fn asking_what_it_consumes(body: &Bytes) -> Bytes {
    let mut asked: Value = serde_json::from_slice(body).expect("a request of an SDK");
    asked["ReturnConsumedCapacity"] = json!("TOTAL");
    Bytes::from(asked.to_string())
}

/// What a write consumed: one sum, or for a transaction one for each table.
fn consumed(answer: &Bytes) -> f64 {
    let told: Value = serde_json::from_slice(answer).unwrap_or_default();
    let units = |of: &Value| of["CapacityUnits"].as_f64().unwrap_or_default();
    match &told["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(units).sum(),
        one => units(one),
    }
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
        "TransactWriteItems" | "BatchGetItem" | "GetItem" | "UpdateItem" | "PutItem"
        | "DeleteItem" | "Query" => {
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
