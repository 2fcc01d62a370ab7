//! A function run by itself: the very binary that is deployed, with a table and a stand-in of its own, for what would
//! disturb others (OpenRouter away, another list of models).

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Path as UrlPath, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use steps_runs::Store;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{Answer, PATIENCE, aws, variable};

/// How long Lambda would let a function run.
const FUNCTION_SECONDS: u64 = 30;

/// A table, a stand-in and a count of the calls to AWS that are no one else's.
#[derive(Debug)]
pub struct Sandbox {
    /// The table, empty at first.
    pub store: Store,
    stand_in: String,
    table: String,
    /// Where functions find AWS: a door that counts and hands on.
    counting_door: String,
    counts: Counts,
    http: reqwest::Client,
}

type Counts = Arc<Mutex<BTreeMap<String, usize>>>;

impl Sandbox {
    /// A new one, its stand-in as `settings` say.
    pub async fn new(settings: Settings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let aws = aws().await;
        let client = aws_sdk_dynamodb::Client::new(&aws);
        let table = format!("sandbox-{}", Uuid::now_v7().simple());
        let mut create = client
            .create_table()
            .table_name(&table)
            .billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind);
            create = create
                .attribute_definitions(attribute.build().expect("name and type are set"))
                .key_schema(key.build().expect("name and type are set"));
        }
        create.send().await.expect("the table is made");
        let counts = Counts::default();
        let door = Door {
            counts: Arc::clone(&counts),
            aws: variable("AWS_ENDPOINT_URL"),
            http: reqwest::Client::new(),
        };
        Self {
            store: Store::new(
                client,
                &table,
                aws_sdk_s3::Client::new(&aws),
                variable("BUCKET_NAME"),
                1,
            ),
            stand_in: openrouter_stand_in::start(settings)
                .await
                .expect("a port is free"),
            table,
            counting_door: serve(Router::new().fallback(hand_on).with_state(door)).await,
            counts,
            http: reqwest::Client::new(),
        }
    }

    /// Starts a function of this name.
    pub async fn function(&self, name: &str) -> Function {
        let (calls, next) = mpsc::channel(16);
        let runtime = Arc::new(Runtime {
            next: tokio::sync::Mutex::new(next),
            pending: Mutex::default(),
        });
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_call))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(answered),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(answered))
            .with_state(runtime);
        let origin = serve(api).await;
        let program = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/lambda")
            .join(name)
            .join("bootstrap");
        let process = Command::new(program)
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                origin.trim_start_matches("http://"),
            )
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_ENDPOINT_URL", &self.counting_door)
            .env("TABLE_NAME", &self.table)
            .env("SCHEDULE_GROUP", "none")
            .env("WEBHOOK_SECRET_PREFIX", "none")
            .env("SECRET_PREFIX", &self.table)
            .env(
                "MANAGEMENT_KEY_SECRET_ID",
                "openrouter-steps-management-key",
            )
            .env("OPENROUTER_BASE_URL", format!("{}/api/v1", self.stand_in))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the function was built");
        Function {
            calls,
            _process: process,
        }
    }

    /// The name of a credential's secret.
    pub fn secret(&self, id: &str) -> String {
        format!("{}/{id}", self.table)
    }

    /// Tells the stand-in something.
    pub async fn tell_stand_in(&self, page: &str, body: &Value) {
        let url = format!("{}/_stand-in/{page}", self.stand_in);
        let told = self.http.post(url).json(body).send().await;
        assert!(told.expect("the stand-in answers").status().is_success());
    }

    /// How often functions called each operation of AWS since this was asked last.
    pub fn aws_calls(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.counts.lock().expect("no test panicked with it"))
    }
}

/// A running function.
#[derive(Debug)]
pub struct Function {
    calls: mpsc::Sender<Call>,
    _process: Child,
}

#[derive(Debug)]
struct Call {
    event: Value,
    answer: oneshot::Sender<Value>,
}

impl Function {
    /// Hands it an event; gives its answer.
    pub async fn invoke(&self, event: Value) -> Value {
        let (answer, answered) = oneshot::channel();
        let call = Call { event, answer };
        self.calls.send(call).await.expect("the runtime listens");
        timeout(PATIENCE, answered)
            .await
            .expect("the function answers in time")
            .expect("the function answers")
    }

    /// Hands it an HTTP request, as API Gateway would.
    pub async fn http(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: HashMap<&str, &str> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let event = json!({
            "version": "2.0", "rawPath": path, "queryStringParameters": query,
            "headers": {"content-type": "application/json"},
            "requestContext": {"stage": "$default", "http": {"method": method.as_str(), "path": path}},
            "body": body.map(Value::to_string), "isBase64Encoded": false,
        });
        let answer = self.invoke(event).await;
        let status = answer["statusCode"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok());
        Answer {
            status: status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .unwrap_or_else(|| panic!("no HTTP answer: {answer}")),
            body: answer["body"]
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
            content_type: answer["headers"]["content-type"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// Lambda's side of a function: hands calls out, takes answers in.
struct Runtime {
    next: tokio::sync::Mutex<mpsc::Receiver<Call>>,
    pending: Mutex<HashMap<String, oneshot::Sender<Value>>>,
}

async fn next_call(State(runtime): State<Arc<Runtime>>) -> Response {
    let Some(call) = runtime.next.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let id = Uuid::now_v7().to_string();
    let mut pending = runtime.pending.lock().expect("no test panicked with it");
    pending.insert(id.clone(), call.answer);
    let deadline = SystemTime::now() + Duration::from_secs(FUNCTION_SECONDS);
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:::function:sandbox".to_owned(),
        ),
    ];
    (headers, call.event.to_string()).into_response()
}

async fn answered(
    State(runtime): State<Arc<Runtime>>,
    UrlPath(id): UrlPath<String>,
    body: Bytes,
) -> StatusCode {
    let mut pending = runtime.pending.lock().expect("no test panicked with it");
    if let Some(answer) = pending.remove(&id) {
        // A test that gave up waiting needs no answer.
        let _ = answer.send(serde_json::from_slice(&body).unwrap_or_default());
    }
    StatusCode::ACCEPTED
}

#[derive(Clone)]
struct Door {
    counts: Counts,
    aws: String,
    http: reqwest::Client,
}

async fn hand_on(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    if let Some((_, operation)) = target.and_then(|target| target.split_once('.')) {
        let mut counts = door.counts.lock().expect("no test panicked with it");
        *counts.entry(operation.to_owned()).or_default() += 1;
    }
    let body = to_bytes(body, usize::MAX)
        .await
        .expect("the request is whole");
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
    (status, headers, body).into_response()
}

/// Serves on a free port; gives the origin.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
