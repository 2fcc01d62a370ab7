//! One function by itself: the binary that is deployed, with a table and a stand-in of its own. For tests that would
//! disturb others, such as those without OpenRouter or with another list of models.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use local_table::{aws, new_table, variable};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use steps_store::keys::Key;
use steps_store::{NodeRecord, Store, keys};
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdout, Command};
use tokio::select;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::door::{Door, Meets, Trouble};
use crate::serve::serve;
use crate::step_functions::Told;
use crate::template::matched;
use crate::{Answer, PATIENCE, aws_cli, item_key};

/// How long Lambda would let a function run.
const FUNCTION_SECONDS: u64 = 30;

/// A table, a stand-in and a count of the calls to AWS, all of them this test's alone.
#[derive(Debug)]
pub struct Sandbox {
    /// The table, empty at first.
    pub store: Store,
    stand_in: String,
    table: String,
    /// Its queue of callbacks, and the one of those that nobody took.
    queues: [String; 2],
    sqs: aws_sdk_sqs::Client,
    /// Where functions find AWS.
    door: Door,
    http: reqwest::Client,
}

impl Sandbox {
    /// A new one, its stand-in as `settings` say.
    pub async fn new(settings: Settings) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let aws = aws().await;
        let client = aws_sdk_dynamodb::Client::new(&aws);
        let table = new_table(&client).await;
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let queues = [
            new_queue(&sqs, format!("{table}-callbacks")).await,
            new_queue(&sqs, format!("{table}-lost")).await,
        ];
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
            queues,
            sqs,
            door: Door::new(variable("AWS_ENDPOINT_URL")),
            http: reqwest::Client::new(),
        }
    }

    /// Starts a function of this name.
    pub async fn function(&self, name: &str) -> Function {
        self.function_for(name, FUNCTION_SECONDS).await
    }

    /// The same with further variables in its environment.
    pub async fn function_with(&self, name: &str, environment: &[(&str, &str)]) -> Function {
        self.start_function(name, FUNCTION_SECONDS, environment)
            .await
    }

    /// The same with another limit of Lambda's, seconds.
    pub async fn function_for(&self, name: &str, seconds: u64) -> Function {
        self.start_function(name, seconds, &[]).await
    }

    /// A function with another limit of Lambda's, seconds, and with these environment variables too.
    pub async fn start_function(
        &self,
        name: &str,
        seconds: u64,
        environment: &[(&str, &str)],
    ) -> Function {
        let (calls, next) = mpsc::channel(16);
        let runtime = Arc::new(Runtime {
            next: tokio::sync::Mutex::new(next),
            pending: Mutex::default(),
            seconds,
        });
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_call))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(answered),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(answered))
            .with_state(Arc::clone(&runtime));
        let origin = serve(api).await;
        let way = self.door.open().await;
        let program = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/lambda")
            .join(name)
            .join("bootstrap");
        let mut process = Command::new(program)
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                origin.trim_start_matches("http://"),
            )
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_ENDPOINT_URL", &way.origin)
            .env("TABLE_NAME", &self.table)
            .env("MOST_WAITERS", "2")
            .env("SCHEDULE_GROUP", "none")
            .env("SCHEDULE_TARGET_ARN", "none")
            .env("SCHEDULE_ROLE_ARN", "none")
            .env("SCHEDULE_LOST_ARN", "none")
            .env("STATE_MACHINE_ARN", variable("STATE_MACHINE_ARN"))
            .env("WEBHOOK_SECRET_PREFIX", format!("{}-webhooks", self.table))
            .env("API_TOKEN_SECRET_ID", self.secret("api-token"))
            .env("EVENTS_KEY_SECRET_ID", self.secret("events-key"))
            .env("RUST_LOG", "TRACE")
            .env("SECRET_PREFIX", &self.table)
            .env("CALLBACK_QUEUE_URL", &self.queues[0])
            .env("CALLBACKS_LOST_URL", &self.queues[1])
            .env("CALLBACK_SECRET_ID", self.secret("callback-secret"))
            .env("LOCAL_CALLBACKS", "true")
            .env(
                "CALLBACK_SECRET_PREFIX",
                format!("{}-callbacks", self.table),
            )
            .env(
                "MANAGEMENT_KEY_SECRET_ID",
                "openrouter-steps-management-key",
            )
            .env("OPENROUTER_BASE_URL", self.openrouter())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the function was built");
        let log = Arc::new(Mutex::default());
        let lines = process.stdout.take().expect("it is piped");
        tokio::spawn(collect(lines, Arc::clone(&log)));
        let (alive, killed) = oneshot::channel();
        let ended = tokio::spawn(async move {
            select! {
                _ = killed => {}
                () = way.death.notified() => {}
            }
            process.kill().await.expect("it runs");
            let mut pending = runtime.pending.lock().expect("no test panicked with it");
            // Whoever waits for an answer hears that there is none.
            pending.clear();
        });
        Function {
            calls,
            alive,
            ended,
            log,
        }
    }

    /// The name of its table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Takes out what is in its queue of callbacks.
    pub async fn queued(&self) -> Vec<String> {
        self.taken_out(&self.queues[0]).await
    }

    /// Takes out what is in its queue of lost callbacks.
    pub async fn lost(&self) -> Vec<String> {
        self.taken_out(&self.queues[1]).await
    }

    async fn taken_out(&self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let receive = self.sqs.receive_message().queue_url(queue);
            let received = receive.max_number_of_messages(10).send().await;
            let messages = received.expect("the queue is there").messages;
            let messages = messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                let delete = self.sqs.delete_message().queue_url(queue);
                let handle = message.receipt_handle.expect("it was received");
                let deleted = delete.receipt_handle(handle).send().await;
                deleted.expect("the queue is there");
                bodies.extend(message.body);
            }
        }
    }

    /// Writes items into the table as they are, however many.
    pub async fn write(&self, items: impl IntoIterator<Item = HashMap<String, AttributeValue>>) {
        let client = aws_sdk_dynamodb::Client::new(&aws().await);
        let puts: Vec<WriteRequest> = items
            .into_iter()
            .map(|item| {
                let put = PutRequest::builder().set_item(Some(item)).build();
                WriteRequest::builder()
                    .put_request(put.expect("the item is set"))
                    .build()
            })
            .collect();
        // As many as one request may carry.
        for batch in puts.chunks(25) {
            let written = client
                .batch_write_item()
                .request_items(&self.table, batch.to_vec())
                .send()
                .await
                .expect("the table takes them");
            assert!(written.unprocessed_items.is_none_or(|left| left.is_empty()));
        }
    }

    /// The name of a credential's secret.
    pub fn secret(&self, id: &str) -> String {
        format!("{}/{id}", self.table)
    }

    /// The base URL of its OpenRouter.
    pub fn openrouter(&self) -> String {
        format!("{}/api/v1", self.stand_in)
    }

    /// Tells the stand-in something.
    pub async fn tell_stand_in(&self, page: &str, body: &Value) {
        let url = format!("{}/_stand-in/{page}", self.stand_in);
        let told = self.http.post(url).json(body).send().await;
        assert!(told.expect("the stand-in answers").status().is_success());
    }

    /// What the stand-in charged, generation by generation.
    pub async fn ledger(&self) -> Vec<Value> {
        let url = format!("{}/_stand-in/ledger", self.stand_in);
        let answer = self.http.get(url).send().await;
        let ledger = answer.expect("the stand-in answers").json().await;
        ledger.expect("the ledger is a list")
    }

    /// How often functions called each operation of AWS since the last call of this function.
    pub fn aws_calls(&self) -> BTreeMap<String, usize> {
        self.door.calls()
    }

    /// The write units of the table that functions consumed since the last call of this function.
    pub fn write_units(&self) -> f64 {
        self.door.write_units()
    }

    /// The inputs of the executions that functions have started. From its first call on they are only noted.
    pub fn executions(&self) -> Vec<Value> {
        self.door.step_functions().executions()
    }

    /// A task that waits for its token. It gives what the token is answered with.
    pub fn begin_task(&self, token: &str) -> oneshot::Receiver<Told> {
        self.door.step_functions().begin(token)
    }

    /// Ends a task: answers to its token are refused.
    pub fn end_task(&self, token: &str) {
        self.door.step_functions().give_up(token);
    }

    /// Makes trouble for the next `times` calls of an operation of AWS whose request has this text in it.
    pub fn trouble(
        &self,
        operation: &'static str,
        containing: &'static str,
        times: usize,
        meets: Meets,
    ) -> Arc<Trouble> {
        self.door.trouble(operation, containing, times, meets)
    }

    /// Ends all trouble.
    pub fn calm(&self) {
        self.door.calm();
    }

    /// Stores a key as a secret under this credential's id, where functions look for it.
    pub fn keep_secret(&self, credential: &str, key: &str) {
        self.keep_text(credential, &json!({ "apiKey": key }).to_string());
    }

    /// Stores a secret of this name.
    pub fn keep_text(&self, name: &str, text: &str) {
        let name = self.secret(name);
        let words = ["--name", &name, "--secret-string", text];
        aws_cli(&[&["secretsmanager", "create-secret"], &words[..]].concat());
    }

    /// Lets the leases and waits of a run's nodes end now, as if a minute had passed.
    pub async fn let_leases_end(&self, run: &str) {
        let over = |node: &NodeRecord, name| match name {
            "leaseUntil" => node.lease_until.is_some(),
            _ => node.wait_until.is_some(),
        };
        for name in ["leaseUntil", "waitUntil"] {
            self.long_ago(run, name, |node| over(node, name)).await;
        }
    }

    /// Lets the lease of one node end now.
    pub async fn let_lease_end(&self, run: &str, id: &str) {
        let is_held = |node: &NodeRecord| node.id == id && node.lease_until.is_some();
        self.long_ago(run, "leaseUntil", is_held).await;
    }

    /// Makes the costs due that a run's nodes would be asked for later.
    pub async fn let_costs_be_due(&self, run: &str) {
        self.long_ago(run, "dueAt", |_| true).await;
    }

    /// Lets the sweep look at a run now, as if five minutes had passed.
    pub async fn let_run_be_due(&self, run: &str) {
        self.make_due(keys::run(run)).await;
    }

    /// Makes the record of this key due that would be looked at later.
    pub async fn make_due(&self, key: Key) {
        let past = AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned());
        aws_sdk_dynamodb::Client::new(&aws().await)
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key)))
            .update_expression("SET dueAt = :past")
            .condition_expression("attribute_exists(dueAt)")
            .expression_attribute_values(":past", past)
            .send()
            .await
            .expect("it is due some time");
    }

    /// Moves a time of a run's nodes, and of the items of their lists, into the past.
    async fn long_ago(&self, run: &str, name: &str, of: impl Fn(&NodeRecord) -> bool) {
        let (_, nodes) = self
            .store
            .nodes()
            .of_run(run)
            .await
            .expect("the run is there");
        let mut records: Vec<NodeRecord> = Vec::new();
        for node in nodes.into_values() {
            if node.items.is_some() {
                let items = self.store.nodes().items(run, &node.id, 100, None).await;
                records.extend(items.expect("the list is there").rows);
            }
            records.push(node);
        }
        let client = aws_sdk_dynamodb::Client::new(&aws().await);
        let past = AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned());
        for node in records.iter().filter(|node| of(node)) {
            let moved = client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(item_key(keys::unit(run, &node.id))))
                .update_expression("SET #time = :past")
                .condition_expression("attribute_exists(#time)")
                .expression_attribute_names("#time", name)
                .expression_attribute_values(":past", past.clone())
                .send()
                .await;
            // Meanwhile it may have been done.
            if let Err(error) = moved {
                let error = error.into_service_error();
                assert!(error.is_conditional_check_failed_exception(), "{error:?}");
            }
        }
    }
}

async fn new_queue(sqs: &aws_sdk_sqs::Client, name: String) -> String {
    let made = sqs.create_queue().queue_name(name).send().await;
    let url = made.expect("the local AWS makes it").queue_url;
    url.expect("it has a URL")
}

/// A running function.
#[derive(Debug)]
pub struct Function {
    calls: mpsc::Sender<Call>,
    /// Its process is killed when this is dropped.
    alive: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    log: Arc<Mutex<Vec<u8>>>,
}

#[derive(Debug)]
struct Call {
    event: Value,
    answer: oneshot::Sender<Value>,
}

impl Function {
    /// Hands it an event; gives its answer, or its error where it failed.
    pub async fn invoke(&self, event: Value) -> Value {
        let answered = self.hand(event).await;
        timeout(PATIENCE, answered)
            .await
            .expect("the function answers in time")
            .expect("the function answers")
    }

    /// Hands it an event, and does not wait for the answer. There is none where it dies.
    pub async fn hand(&self, event: Value) -> oneshot::Receiver<Value> {
        let (answer, answered) = oneshot::channel();
        let call = Call { event, answer };
        self.calls.send(call).await.expect("the runtime listens");
        answered
    }

    /// Kills it with SIGKILL, so that nothing of it goes on.
    pub async fn kill(self) {
        drop(self.alive);
        self.ended.await.expect("it is killed");
    }

    /// What it has logged so far, at the level TRACE.
    pub fn log(&self) -> String {
        let log = self.log.lock().expect("no test panicked with it");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Hands it an HTTP request with the API's token, as API Gateway would.
    pub async fn http(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.http_with(method, path, &[], body).await
    }

    /// The same with headers of the sender's own.
    pub async fn http_with(
        &self,
        method: Method,
        path: &str,
        sent: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut headers = HashMap::from([("content-type", "application/json")]);
        headers.extend(sent.iter().copied());
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: HashMap<&str, &str> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let (route, parameters) = matched(method.as_str(), path);
        self.http_event(json!({
            "version": "2.0", "rawPath": path, "queryStringParameters": query,
            "headers": headers,
            "pathParameters": parameters,
            "requestContext": {
                "routeKey": route, "stage": "$default",
                "authorizer": {"lambda": {"principal": "root", "scopes": "read run admin"}},
                "http": {"method": method.as_str(), "path": path},
            },
            "body": body.map(Value::to_string), "isBase64Encoded": false,
        }))
        .await
    }

    /// Hands it an event of API Gateway as it is.
    pub async fn http_event(&self, event: Value) -> Answer {
        let answer = self.invoke(event).await;
        let header = |name: &str| {
            let value = answer["headers"][name].as_str();
            value.unwrap_or_default().to_owned()
        };
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
            content_type: header("content-type"),
            request_id: header("x-request-id"),
        }
    }
}

/// Keeps what a function writes.
async fn collect(mut lines: ChildStdout, log: Arc<Mutex<Vec<u8>>>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = lines.read(&mut piece).await {
        let mut log = log.lock().expect("no test panicked with it");
        log.extend_from_slice(&piece[..length]);
    }
}

/// Lambda's side of a function: hands calls out, takes answers in.
struct Runtime {
    next: tokio::sync::Mutex<mpsc::Receiver<Call>>,
    pending: Mutex<HashMap<String, oneshot::Sender<Value>>>,
    seconds: u64,
}

async fn next_call(State(runtime): State<Arc<Runtime>>) -> Response {
    let Some(call) = runtime.next.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let id = Uuid::now_v7().to_string();
    let mut pending = runtime.pending.lock().expect("no test panicked with it");
    pending.insert(id.clone(), call.answer);
    let deadline = SystemTime::now() + Duration::from_secs(runtime.seconds);
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
