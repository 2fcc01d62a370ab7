//! What the stand-in has received: requests, and how many times each fault was shown.

use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use crate::faults::Fault;

const KEPT: usize = 200;
const SECRET: [header::HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HeaderName::from_static("x-api-key"),
];

/// What was received: every request to the API, and how many times each fault was shown.
#[derive(Default)]
pub(crate) struct Observed {
    requests: VecDeque<Value>,
    chat_calls: u64,
    by_model: BTreeMap<String, u64>,
    by_fault: BTreeMap<&'static str, u64>,
    meetings: HashMap<String, u32>,
}

impl Observed {
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &HeaderMap, body: &[u8]) {
        let shown: BTreeMap<_, _> = headers
            .iter()
            .filter(|(name, _)| !SECRET.contains(name))
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let body: Value = serde_json::from_slice(body)
            .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into());
        self.requests.push_back(json!({
            "method": method, "path": path, "headers": shown, "body": body,
            "at": jiff::Timestamp::now().to_string(),
        }));
        while self.requests.len() > KEPT {
            self.requests.pop_front();
        }
    }

    pub(crate) fn chat_call(&mut self) {
        self.chat_calls += 1;
    }

    pub(crate) fn asked_model(&mut self, model: &str) {
        *self.by_model.entry(model.to_owned()).or_default() += 1;
    }

    /// Whether this call of `who` still gets the fault: `times` calls get it in all.
    pub(crate) fn meets(&mut self, fault: Fault, who: String, times: Option<u32>) -> bool {
        if let Some(times) = times {
            let met = self.meetings.entry(who).or_default();
            if *met >= times {
                return false;
            }
            *met += 1;
        }
        *self.by_fault.entry(fault.name()).or_default() += 1;
        true
    }

    pub(crate) fn calls(&self) -> Value {
        json!({"chat": self.chat_calls, "byModel": self.by_model, "byFault": self.by_fault})
    }

    pub(crate) fn last(&self, count: usize) -> Vec<Value> {
        let skipped = self.requests.len().saturating_sub(count);
        self.requests.iter().skip(skipped).cloned().collect()
    }
}
