//! Lambda's Runtime API for one program: it asks for the next call, and posts its answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use crate::upstream::listen;

/// How long Lambda would let a call take.
const LIMIT: Duration = Duration::from_secs(60);

/// What a program tells its Runtime API, and when.
#[derive(Debug)]
pub(crate) enum Told {
    /// It is ready for a call.
    Next(Instant),
    /// The call is answered.
    Answer(Instant, Bytes),
    /// The call, or the start, has failed.
    Error(Bytes),
}

/// The Runtime API as its caller sees it.
#[derive(Debug)]
pub(crate) struct Runtime {
    /// Where it listens, as `AWS_LAMBDA_RUNTIME_API` has it.
    pub(crate) address: String,
    /// The events that the program is handed.
    pub(crate) events: mpsc::Sender<Value>,
    /// What it tells.
    pub(crate) told: mpsc::Receiver<Told>,
}

struct Inner {
    events: Mutex<mpsc::Receiver<Value>>,
    told: mpsc::Sender<Told>,
}

impl Runtime {
    /// A new Runtime API on a free port.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let (events, next) = mpsc::channel(1);
        let (told, hear) = mpsc::channel(16);
        let inner = Arc::new(Inner {
            events: Mutex::new(next),
            told,
        });
        let invocation = "/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next_call))
            .route(&format!("{invocation}/{{id}}/response"), post(answer))
            .route(&format!("{invocation}/{{id}}/error"), post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .with_state(inner);
        Ok(Self {
            address: listen(router).await?,
            events,
            told: hear,
        })
    }
}

async fn next_call(State(inner): State<Arc<Inner>>) -> Response {
    // Where the measuring is over, nobody listens.
    let _ = inner.told.send(Told::Next(Instant::now())).await;
    let Some(event) = inner.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now() + LIMIT;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            "00000000-0000-0000-0000-000000000000".to_owned(),
        ),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn answer(State(inner): State<Arc<Inner>>, body: Bytes) -> StatusCode {
    let _ = inner.told.send(Told::Answer(Instant::now(), body)).await;
    StatusCode::ACCEPTED
}

async fn error(State(inner): State<Arc<Inner>>, body: Bytes) -> StatusCode {
    let _ = inner.told.send(Told::Error(body)).await;
    StatusCode::ACCEPTED
}
