//! The deployed local stack, driven from outside: by HTTP, as a user would, and by AWS's own APIs, to look behind it.
//!
//! Everything is found through the variables of the local stack's `env` file; `make test` sets them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

mod contract;
mod door;
mod sandbox;
mod serve;
mod step_functions;
mod template;
mod traces;
mod watch;

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use local_table::variable;
use reqwest::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_store::Store;
use steps_store::keys::Key;
use tokio::time::sleep;
use uuid::Uuid;

pub use door::{Meets, Trouble};
pub use local_table::aws;
pub use sandbox::{Function, Sandbox};
pub use step_functions::Told;
pub use template::{Route, described_path, routes};
pub use traces::{function_logs, items_of, objects_of, service_logs, whole_table};
pub use watch::{Heard, Parser, Source, stream_answer};

/// Long enough for a cold function on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A user of the API, with a credential and workflow names of their own.
#[derive(Debug)]
pub struct User {
    http: reqwest::Client,
    api: String,
    token: String,
    stand_in: String,
    /// The user's OpenRouter key.
    pub key: String,
    /// The name of the user's credential, and the beginning of the names of their workflows.
    pub name: String,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body; `null` where there is none.
    pub body: Value,
    /// Its content type.
    pub content_type: String,
    /// The id of its request; empty where it has none.
    pub request_id: String,
}

impl User {
    /// A user whose key the stand-in treats as `kind` says: `good`, `nocredits`, `limited`...
    pub fn new(kind: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let unique = Uuid::now_v7().simple().to_string();
        Self {
            http: reqwest::Client::new(),
            api: variable("API_URL"),
            token: variable("API_TOKEN"),
            stand_in: variable("STAND_IN_URL"),
            key: format!("sk-or-v1-{kind}-{unique}"),
            name: format!("user-{}", &unique[16..]),
        }
    }

    /// A user with a good key, stored as a credential under the user's name.
    pub async fn with_credential() -> Self {
        let user = Self::new("good");
        user.store_credential().await;
        user
    }

    /// Stores the user's key as a credential under the user's name; gives its id.
    pub async fn store_credential(&self) -> String {
        let body = json!({ "name": self.name, "provider": "openrouter", "apiKey": self.key });
        let answer = self.post("/credentials", &body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        text(&answer.body["id"])
    }

    /// One request with the API's token.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.api))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// GET, with a header more, of what may be no text: the answer as it comes.
    pub async fn get_bytes(&self, path: &str, header: Option<(&str, &str)>) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.api));
        let mut request = request.bearer_auth(&self.token);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        request.send().await.expect("the door answers")
    }

    /// GET with another `Authorization` header, or none.
    pub async fn call_as(&self, authorization: Option<&str>, path: &str) -> Answer {
        self.try_as(authorization, Method::GET, path).await
    }

    /// A request with this `Authorization` header, or none, and no body.
    pub async fn try_as(&self, authorization: Option<&str>, method: Method, path: &str) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        answer(request).await
    }

    /// The same user with another token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            http: self.http.clone(),
            api: self.api.clone(),
            token: token.into(),
            stand_in: self.stand_in.clone(),
            key: self.key.clone(),
            name: self.name.clone(),
        }
    }

    /// The same user with a new token that has these scopes; the token's id too.
    pub async fn with_scopes(&self, scopes: &[&str]) -> (Self, String) {
        let body = json!({ "name": self.name, "scopes": scopes });
        let made = self.post("/tokens", &body).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        let token = text(&made.body["token"]);
        (self.with_token(token), text(&made.body["id"]))
    }

    /// POST of these bytes with these headers and without a token, as a stranger would send it.
    pub async fn deliver(&self, path: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
        let mut request = self
            .http
            .post(format!("{}{path}", self.api))
            .body(body.to_vec());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        answer(request).await
    }

    /// The same with the API's token.
    pub async fn deliver_with_token(
        &self,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Answer {
        let token = ("authorization".to_owned(), format!("Bearer {}", self.token));
        self.deliver(path, &[&[token], headers].concat(), body)
            .await
    }

    /// The workflow's runs as the list shows them, the newest first.
    pub async fn runs_of(&self, workflow: &str) -> Vec<Value> {
        let answer = self
            .get(&format!("/runs?workflowId={workflow}&limit=100"))
            .await;
        list(&answer.body["runs"]).to_vec()
    }

    /// PUT of a text, such as YAML.
    pub async fn put_text(&self, path: &str, content_type: &str, text: &str) -> Answer {
        let request = self
            .http
            .put(format!("{}{path}", self.api))
            .bearer_auth(&self.token)
            .header("content-type", content_type)
            .body(text.to_owned());
        answer(request).await
    }

    /// Puts a workflow of these nodes; gives its id. A node without a type is of type `openrouter`; such a node without a
    /// credential has the user's.
    pub async fn workflow(&self, nodes: Value) -> String {
        self.workflow_with(json!({ "nodes": nodes })).await
    }

    /// The same for a whole document; `name` is filled in.
    pub async fn workflow_with(&self, mut document: Value) -> String {
        let id = format!(
            "{}-{}",
            self.name,
            &Uuid::now_v7().simple().to_string()[24..]
        );
        document["name"] = json!(id);
        for node in document["nodes"].as_array_mut().expect("nodes are a list") {
            if node["type"].is_null() {
                node["type"] = json!("openrouter");
            }
            if node["type"] == "openrouter" && node["credential"].is_null() {
                node["credential"] = json!(self.name);
            }
        }
        let answer = self.put(&format!("/workflows/{id}"), &document).await;
        assert!(answer.status.is_success(), "{:?}", answer.body);
        id
    }

    /// Triggers the workflow by its webhook; gives the run's id.
    pub async fn trigger(&self, workflow: &str, input: &Value) -> String {
        let answer = self.post(&format!("/hooks/{workflow}"), input).await;
        assert_eq!(answer.status, 202, "{:?}", answer.body);
        text(&answer.body["id"])
    }

    /// The run, once it has ended.
    pub async fn ended(&self, run: &str) -> Value {
        self.run_when(run, |run| {
            run["status"] != "RUNNING" && run["status"] != "QUEUED"
        })
        .await
    }

    /// The run, as soon as this node of it waits.
    pub async fn waiting(&self, run: &str, id: &str) -> Value {
        self.run_when(run, |run| node(run, id)["status"] == "WAITING")
            .await
    }

    /// The run, as soon as `condition` holds for it.
    pub async fn run_when(&self, run: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(&format!("/runs/{run}")).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            if condition(&answer.body) {
                return answer.body;
            }
            assert!(began.elapsed() < PATIENCE, "still: {:#}", answer.body);
            sleep(Duration::from_millis(150)).await;
        }
    }

    /// Puts a workflow of these nodes, runs it and gives the run once it has ended.
    pub async fn run(&self, nodes: Value, input: Value) -> Value {
        let workflow = self.workflow(nodes).await;
        let run = self.trigger(&workflow, &input).await;
        self.ended(&run).await
    }

    /// What the stand-in charged this user's key for, generation by generation.
    pub async fn ledger(&self) -> Vec<Value> {
        let all = self.stand_in_get("ledger").await;
        let last_four = self.last_four();
        list(&all)
            .iter()
            .filter(|entry| entry["key"] == last_four)
            .cloned()
            .collect()
    }

    /// What the stand-in charged this user's key in all, USD.
    pub async fn charged(&self) -> Decimal {
        self.ledger()
            .await
            .iter()
            .map(|entry| decimal(&entry["cost"]))
            .sum()
    }

    /// The last characters of the user's key.
    pub fn last_four(&self) -> String {
        self.key[self.key.len() - 4..].to_owned()
    }

    /// The only run of a workflow, as soon as there is one.
    pub async fn first_run(&self, workflow: &str) -> String {
        let began = Instant::now();
        loop {
            if let [run] = self.runs_of(workflow).await.as_slice() {
                return text(&run["id"]);
            }
            assert!(began.elapsed() < PATIENCE, "no run of {workflow}");
            sleep(Duration::from_millis(250)).await;
        }
    }

    /// Asks the stand-in's API with any key, as its owner would.
    pub async fn ask_openrouter(&self, key: &str, path: &str) -> Answer {
        let url = format!("{}/api/v1{path}", self.stand_in);
        answer(self.http.get(url).bearer_auth(key)).await
    }

    /// POST to the stand-in's API with any key.
    pub async fn tell_openrouter(&self, key: &str, path: &str, body: &Value) -> Answer {
        let url = format!("{}/api/v1{path}", self.stand_in);
        answer(self.http.post(url).bearer_auth(key).json(body)).await
    }

    /// Reads one of the stand-in's own pages.
    pub async fn stand_in_get(&self, page: &str) -> Value {
        let url = format!("{}/_stand-in/{page}", self.stand_in);
        answer(self.http.get(url)).await.body
    }

    /// The requests to the stand-in whose bodies have this marker, the first one first. It keeps the last ones only.
    pub async fn requests_with(&self, marker: &str) -> Vec<Value> {
        let requests = self.stand_in_get("requests?last=200").await;
        let ours = list(&requests)
            .iter()
            .filter(|request| request["body"].to_string().contains(marker));
        ours.cloned().collect()
    }

    /// The bodies of these.
    pub async fn bodies_with(&self, marker: &str) -> Vec<Value> {
        let requests = self.requests_with(marker).await;
        let bodies = requests.iter().map(|request| request["body"].clone());
        bodies.collect()
    }

    /// A run of one node `x` whose call is on its way. Left alone, its answer would come for minutes.
    pub async fn run_that_streams(&self) -> String {
        let prompt = format!(
            "[[fault:slow-body(ms=400)]] [[repeat:400000]] {}",
            self.name
        );
        let nodes = json!([{"variableName": "x", "userPrompt": prompt, "maxTokens": 100_000}]);
        let workflow = self.workflow(nodes).await;
        let run = self.trigger(&workflow, &json!({})).await;
        self.run_when(&run, |run| {
            node(run, "x")["attempts"][0]["generationId"].is_string()
        })
        .await;
        run
    }

    /// Tells the stand-in something.
    pub async fn stand_in_post(&self, page: &str, body: &Value) {
        let url = format!("{}/_stand-in/{page}", self.stand_in);
        let answer = answer(self.http.post(url).json(body)).await;
        assert!(answer.status.is_success(), "{:?}", answer.body);
    }
}

/// Sends the request. What the API answers has to be as its description says.
async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let (http, request) = request.build_split();
    let request = request.expect("a request");
    let (method, url) = (request.method().to_string(), request.url().to_string());
    let response = http.execute(request).await.expect("the door answers");
    let status = response.status();
    let headers = response.headers().clone();
    let text = response.text().await.expect("the answer is text");
    if let Some(path) = url.strip_prefix(&variable("API_URL")) {
        contract::check(&method, path, status.as_u16(), &headers, &text);
    }
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    Answer {
        status,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        content_type: header("content-type"),
        request_id: header("x-request-id"),
    }
}

/// A text of this many characters that hardly compresses: with 200,000 it lies in the bucket, not in the table.
pub fn noise(characters: usize) -> String {
    (0..characters / 16)
        .map(|_| Uuid::now_v7().simple().to_string()[16..].to_owned())
        .collect()
}

/// The key of an item, as a request to DynamoDB has it.
pub fn item_key(key: Key) -> HashMap<String, AttributeValue> {
    let fields = [("pk", key.pk), ("sk", key.sk)];
    let fields = fields.map(|(name, text)| (name.to_owned(), AttributeValue::S(text)));
    HashMap::from(fields)
}

/// The secret that signs what is posted to callback addresses.
pub fn callback_secret() -> String {
    variable("CALLBACK_SECRET")
}

/// The stack's table.
pub fn table() -> String {
    variable("TABLE_NAME")
}

/// The stack's table and bucket.
pub async fn stack_store() -> Store {
    let aws = aws().await;
    let s3 = aws_sdk_s3::config::Builder::from(&aws)
        .force_path_style(true)
        .build();
    Store::new(
        aws_sdk_dynamodb::Client::new(&aws),
        table(),
        aws_sdk_s3::Client::from_conf(s3),
        variable("BUCKET_NAME"),
        1,
    )
}

/// The stack's state machine.
pub fn state_machine() -> String {
    variable("STATE_MACHINE_ARN")
}

/// The ARN of a run's execution.
pub fn execution_arn(run: &str) -> String {
    format!(
        "{}:{run}",
        state_machine().replace(":stateMachine:", ":execution:")
    )
}

/// A text in an answer.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("expected a text, not {value}"))
        .to_owned()
}

/// A list in an answer.
pub fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("expected a list, not {value}"))
}

/// A decimal in an answer.
pub fn decimal(value: &Value) -> Decimal {
    text(value).parse().expect("a decimal number")
}

/// A run's node of this variable.
pub fn node<'a>(run: &'a Value, name: &str) -> &'a Value {
    list(&run["nodes"])
        .iter()
        .find(|node| node["variableName"] == name)
        .unwrap_or_else(|| panic!("no node {name} in {run:#}"))
}

/// The AWS CLI against the stack's AWS, as its owner would use it; gives what it prints.
pub fn aws_cli(words: &[&str]) -> Value {
    let cli = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.local/venv/bin/aws");
    let done = Command::new(cli)
        // For SQS the CLI would call the queue's URL at AWS.
        .args(["--endpoint-url", &variable("AWS_ENDPOINT_URL")])
        .args(words)
        .env("AWS_PAGER", "")
        .env("AWS_DEFAULT_OUTPUT", "json")
        .output()
        .expect("the AWS CLI is in .local/venv");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "aws {words:?}: {errors}");
    serde_json::from_slice(&done.stdout).unwrap_or_default()
}

/// Invokes a function of the stack as an AWS service would; gives its answer, or its error where it failed.
pub fn invoke(function: &str, event: &Value) -> Value {
    invoke_as("RequestResponse", function, event)
}

/// The same as services do that do not wait for the answer: Lambda itself tries it again.
pub fn invoke_without_waiting(function: &str, event: &Value) {
    invoke_as("Event", function, event);
}

fn invoke_as(kind: &str, function: &str, event: &Value) -> Value {
    let folder = env::temp_dir().join(format!("end-to-end-{}", Uuid::now_v7()));
    fs::create_dir(&folder).expect("a scratch folder");
    let (payload, answer) = (folder.join("payload"), folder.join("answer"));
    fs::write(&payload, event.to_string()).expect("the payload is written");
    let name = format!("{}-{function}", variable("STACK_NAME"));
    let payload = format!("fileb://{}", payload.display());
    let outfile = answer.display().to_string();
    let what = ["--function-name", &name, "--invocation-type", kind];
    let words = ["--payload", &payload, &outfile];
    aws_cli(&[&["lambda", "invoke"], &what[..], &words[..]].concat());
    let text = fs::read_to_string(&answer).unwrap_or_default();
    fs::remove_dir_all(&folder).expect("the scratch folder goes");
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// An output of the stack's template.
pub fn stack_output(name: &str) -> String {
    output(&variable("STACK_NAME"), name)
}

/// An output of any stack's template.
pub fn output(stack: &str, name: &str) -> String {
    let stacks = aws_cli(&["cloudformation", "describe-stacks", "--stack-name", stack]);
    let outputs = list(&stacks["Stacks"][0]["Outputs"]);
    let output = outputs.iter().find(|output| output["OutputKey"] == name);
    text(&output.unwrap_or_else(|| panic!("no output {name}"))["OutputValue"])
}
