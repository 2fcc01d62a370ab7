//! Readers of a run's events: what they hear, and how an `EventSource` reads.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{Answer, PATIENCE, User, answer, list, text};

/// What a reader has heard of a run.
#[derive(Debug, Default)]
pub struct Heard {
    /// Every event with its name, in their order.
    pub events: Vec<(String, Value)>,
    /// How each node stands.
    pub nodes: BTreeMap<String, Value>,
    /// How each item in view stands, by its node and its place.
    pub items: BTreeMap<(String, u64), Value>,
    /// How the run has ended.
    pub end: Option<Value>,
    texts: BTreeMap<(String, u64, String), String>,
}

impl Heard {
    /// Takes in an event. Nothing may be missing, and nothing may come twice.
    pub fn hear(&mut self, name: &str, data: Value) {
        assert!(self.end.is_none(), "after the end: {name} {data}");
        match name {
            "run" => {
                *self = Self::default();
            }
            "nodes" => {
                for stands in list(&data["nodes"]) {
                    let before = self.nodes.insert(text(&stands["node"]), stands.clone());
                    assert_ne!(before.as_ref(), Some(stands), "told twice");
                }
            }
            "items" => {
                for stands in list(&data["items"]) {
                    let index = stands["index"].as_u64().expect("a number");
                    let key = (text(&data["node"]), index);
                    let before = self.items.insert(key, stands.clone());
                    assert_ne!(before.as_ref(), Some(stands), "told twice");
                }
            }
            "text" => {
                let attempt = data["attempt"].as_u64().expect("a number");
                let kind = text(&data["kind"]);
                let own = self.texts.entry((text(&data["node"]), attempt, kind));
                let own = own.or_default();
                if data["from"] == 0 {
                    own.clear();
                }
                assert_eq!(data["from"], own.len(), "a gap, or an overlap");
                own.push_str(&text(&data["text"]));
            }
            "end" => self.end = Some(data.clone()),
            other => panic!("an event `{other}`"),
        }
        self.events.push((name.to_owned(), data));
    }

    /// The text of the attempt that the node's last event names.
    pub fn text_of(&self, node: &str) -> String {
        let attempt = self
            .nodes
            .get(node)
            .and_then(|node| node["attempt"].as_u64());
        self.text_of_attempt(node, attempt.unwrap_or(1))
    }

    /// What was heard of an attempt's text so far.
    pub fn text_of_attempt(&self, node: &str, attempt: u64) -> String {
        let key = (node.to_owned(), attempt, "text".to_owned());
        self.texts.get(&key).cloned().unwrap_or_default()
    }

    /// How many pieces of text came for this node.
    pub fn pieces(&self, node: &str) -> usize {
        let of_node = |(name, data): &&(String, Value)| name == "text" && data["node"] == node;
        self.events.iter().filter(of_node).count()
    }

    /// The statuses that the node has had, in their order.
    pub fn statuses(&self, node: &str) -> Vec<String> {
        let stands = self.events.iter().filter(|(name, _)| name == "nodes");
        stands
            .flat_map(|(_, data)| list(&data["nodes"]))
            .filter(|stands| stands["node"] == node)
            .map(|stands| text(&stands["status"]))
            .collect()
    }

    /// Compares with the run as it ended: every node's status and text, the run's status and cost.
    pub fn agrees_with(&self, run: &Value) {
        let end = self.end.as_ref().expect("the end was told");
        assert_eq!(end["status"], run["status"]);
        assert_eq!(end["costUsd"], run["costUsd"]);
        for node in list(&run["nodes"]) {
            let id = text(&node["id"]);
            let told = self
                .nodes
                .get(&id)
                .unwrap_or_else(|| panic!("{id} was told"));
            assert_eq!(told["status"], node["status"], "{id}");
            if node["status"] == "SUCCEEDED" && told["textAt"].is_null() {
                let whole = node["output"]["text"].as_str().unwrap_or_default();
                assert_eq!(self.text_of(&id), whole, "{id}");
            }
        }
    }
}

/// Server-sent events as they come: read as the HTML standard says.
#[derive(Debug, Default)]
pub struct Parser {
    rest: Vec<u8>,
    name: String,
    data: String,
    /// The id of the last event that was whole.
    pub last_id: Option<String>,
    id: Option<String>,
    /// How soon to come back, milliseconds.
    pub retry: u64,
}

impl Parser {
    /// Takes in bytes; gives the events that are whole now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<(String, Value)> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8(line).expect("events are UTF-8");
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                if !self.data.is_empty() {
                    let data = serde_json::from_str(&self.data).expect("data is JSON");
                    events.push((std::mem::take(&mut self.name), data));
                    self.last_id.clone_from(&self.id);
                    self.data.clear();
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut self.name),
                "data" => self.data.push_str(value),
                "id" => self.id = Some(value.to_owned()),
                "retry" => self.retry = value.parse().expect("milliseconds"),
                _ => {}
            }
        }
        events
    }

    /// A connection has ended: what was not whole is lost.
    pub fn cut(&mut self) {
        self.rest.clear();
        self.name.clear();
        self.data.clear();
        self.id.clone_from(&self.last_id);
    }
}

/// Reads one run's stream as an `EventSource` does.
#[derive(Debug)]
pub struct Source {
    http: reqwest::Client,
    url: String,
    /// What it has read.
    pub parser: Parser,
    /// What it has heard.
    pub heard: Heard,
}

impl Source {
    /// A source of this address, with its token in it.
    pub fn new(url: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: reqwest::Client::new(),
            url,
            parser: Parser::default(),
            heard: Heard::default(),
        }
    }

    /// Begins a connection, from where the last one was.
    pub async fn connect(&self) -> Response {
        let mut request = self
            .http
            .get(&self.url)
            .header("accept", "text/event-stream");
        if let Some(id) = &self.parser.last_id {
            request = request.header("last-event-id", id);
        }
        request.send().await.expect("the stream answers")
    }

    /// Reads a connection until it ends, or until so many bytes have come.
    pub async fn read(&mut self, response: Response, most: usize) {
        let mut left = most;
        let mut bytes = response.bytes_stream();
        while left > 0
            && let Some(piece) = bytes.next().await
        {
            let piece = piece.expect("the stream is not cut");
            let piece = &piece[..piece.len().min(left)];
            left -= piece.len();
            for (name, data) in self.parser.feed(piece) {
                self.heard.hear(&name, data);
            }
        }
        self.parser.cut();
    }

    /// Reads until it is told to stop, by 204; gives how many connections that took.
    pub async fn read_to_the_end(&mut self) -> usize {
        let began = Instant::now();
        for connections in 0.. {
            assert!(began.elapsed() < PATIENCE, "still: {:?}", self.heard.nodes);
            let response = self.connect().await;
            if response.status() == StatusCode::NO_CONTENT {
                return connections;
            }
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            self.read(response, usize::MAX).await;
            sleep(Duration::from_millis(self.parser.retry)).await;
        }
        unreachable!("the loop has no end of its own")
    }
}

impl User {
    /// A token to watch the run with, and where.
    pub async fn events_token(&self, run: &str) -> Value {
        let path = format!("/runs/{run}/events-token");
        let made = self.post(&path, &json!({ "ttlSeconds": 900 })).await;
        assert_eq!(made.status, 200, "{:?}", made.body);
        made.body
    }

    /// A source of the run's events, as a page has it.
    pub async fn source(&self, run: &str, query: &str) -> Source {
        let made = self.events_token(run).await;
        let (url, token) = (text(&made["url"]), text(&made["token"]));
        Source::new(format!("{url}?token={token}{query}"))
    }

    /// Reads the run's events by long-poll until it has ended; gives what was heard, and how many requests that took.
    pub async fn poll(&self, run: &str) -> (Heard, usize) {
        self.poll_with(run, "").await
    }

    /// The same with more in the query, such as `&items=each:0-9`.
    pub async fn poll_with(&self, run: &str, query: &str) -> (Heard, usize) {
        let (mut heard, mut after) = (Heard::default(), String::new());
        let began = Instant::now();
        for requests in 1.. {
            assert!(began.elapsed() < PATIENCE, "still: {:?}", heard.nodes);
            let path = format!("/runs/{run}?wait=20&after={after}{query}");
            let answer = self.get(&path).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            for event in list(&answer.body["events"]) {
                heard.hear(&text(&event["event"]), event["data"].clone());
            }
            after = text(&answer.body["after"]);
            if answer.body["ended"] == true {
                return (heard, requests);
            }
            let pause = answer.body["retryMilliseconds"].as_u64();
            sleep(Duration::from_millis(pause.expect("a number"))).await;
        }
        unreachable!("the loop has no end of its own")
    }

    /// The words with which `curl` reads the run's stream, following the redirect.
    pub fn curl_words(&self, run: &str) -> Vec<String> {
        let header = format!("authorization: Bearer {}", self.token);
        let url = format!("{}/runs/{run}/events", self.api);
        ["-s", "-S", "-N", "-L", "-H", &header, &url]
            .map(str::to_owned)
            .to_vec()
    }

    /// Where `GET /runs/{id}/events` sends the caller.
    pub async fn sent_to(&self, run: &str) -> String {
        let once = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let url = format!("{}/runs/{run}/events", self.api);
        let response = once.get(url).bearer_auth(&self.token).send();
        let response = response.await.expect("the door answers");
        assert_eq!(response.status(), 307);
        let location = response.headers()["location"].to_str();
        location.expect("an address").to_owned()
    }
}

/// One request to the stream with this token.
pub async fn stream_answer(url: &str, token: Option<&str>) -> Answer {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = match token {
        Some(token) => format!("{url}?token={token}"),
        None => url.to_owned(),
    };
    answer(reqwest::Client::new().get(url)).await
}
