//! Step Functions as a test plays it for the functions of its sandbox: executions are noted, tokens are answered here.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use tokio::sync::oneshot;

/// What a task's token was answered with: an output, or the error and the cause of a failure.
pub type Told = Result<Value, (String, String)>;

/// Executions that were started, and tokens that wait.
#[derive(Debug, Default)]
pub(crate) struct StepFunctions {
    /// The input of each execution; `None` where AWS itself is to start them.
    started: Mutex<Option<Vec<Value>>>,
    tokens: Mutex<HashMap<String, oneshot::Sender<Told>>>,
}

impl StepFunctions {
    /// From now on executions are only noted. Gives the inputs of those that were before.
    pub(crate) fn executions(&self) -> Vec<Value> {
        let mut started = self.started.lock().expect("no test panicked with it");
        started.get_or_insert_default().clone()
    }

    /// A token that may be answered once, until it is given up.
    pub(crate) fn begin(&self, token: &str) -> oneshot::Receiver<Told> {
        let (answer, told) = oneshot::channel();
        let mut tokens = self.tokens.lock().expect("no test panicked with it");
        tokens.insert(token.to_owned(), answer);
        told
    }

    /// Its task is over: from now on answers are refused.
    pub(crate) fn give_up(&self, token: &str) {
        let mut tokens = self.tokens.lock().expect("no test panicked with it");
        tokens.remove(token);
    }

    /// The answer to an operation that is played here: its status and body.
    pub(crate) fn answer(&self, operation: &str, body: &[u8]) -> Option<(u16, Value)> {
        let asked = || -> Value { serde_json::from_slice(body).expect("a request of an SDK") };
        let told = match operation {
            "StartExecution" => return self.start(&asked()),
            "SendTaskSuccess" => Ok(read(&asked()["output"])),
            "SendTaskFailure" => {
                let word = |name: &str| asked()[name].as_str().unwrap_or_default().to_owned();
                Err((word("error"), word("cause")))
            }
            _ => return None,
        };
        let asked = asked();
        let token = asked["taskToken"].as_str().expect("the token is named");
        let mut tokens = self.tokens.lock().expect("no test panicked with it");
        let heard = tokens
            .remove(token)
            .is_some_and(|answer| answer.send(told).is_ok());
        Some(if heard {
            (200, json!({}))
        } else {
            (
                400,
                json!({"__type": "TaskTimedOut", "message": "it is over"}),
            )
        })
    }

    fn start(&self, asked: &Value) -> Option<(u16, Value)> {
        let mut started = self.started.lock().expect("no test panicked with it");
        let (started, input) = (started.as_mut()?, read(&asked["input"]));
        // Whoever asks for the same execution again is given the one that there is.
        if !started.contains(&input) {
            started.push(input);
        }
        let arn = format!("execution:{}", asked["name"]);
        Some((
            200,
            json!({"executionArn": arn, "startDate": 1_795_392_004}),
        ))
    }
}

fn read(text: &Value) -> Value {
    let text = text.as_str().expect("JSON as text");
    serde_json::from_str(text).expect("JSON as text")
}
