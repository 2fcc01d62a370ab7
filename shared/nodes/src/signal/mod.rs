//! `signal`: the run goes on at this node once a signal has come to it through the API. The signal's JSON is the variable.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_problem::{Fault, NAME, Problem, short};
use steps_template::Template;

use crate::ended::{Ended, Pause, Tried, WaitsFor};
use crate::node_kind::{NodeKind, Ready};
use crate::scope::Scope;
use crate::waiting::{Stands, look, waits_long};

/// Waits for a signal: `POST /runs/{id}/signals/{name}`. The JSON that was sent is the variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = waits_long)]
pub(crate) struct Signal {
    /// The signal's name: a template that gives 1 to 64 letters, digits, `_`, `.` or `-`.
    #[schemars(schema_with = "name")]
    signal: Template,
    /// What it means that the signal has not come within `timeoutSeconds`: `fail`, or `continue` with the variable null.
    #[serde(default, skip_serializing_if = "OnTimeout::is_fail")]
    on_timeout: OnTimeout,
}

fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "maxLength": 1000})
}

/// What it means that a signal has not come in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("errorMessage" = "must be `fail` or `continue`"))]
enum OnTimeout {
    /// The node fails.
    #[default]
    Fail,
    /// The variable is null.
    Continue,
}

impl OnTimeout {
    fn is_fail(&self) -> bool {
        *self == Self::Fail
    }
}

const NO_NAME: &str = "has to be 1 to 64 letters, digits, `_`, `.` or `-`";

/// Whether a signal can have this name.
pub fn is_signal(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(known)
}

/// The name of the message by which a run is told a signal.
pub fn signal_message(name: &str) -> String {
    format!("signal/{name}")
}

impl NodeKind for Signal {
    type Ready = ReadySignal;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        vec![(Cow::Borrowed("signal"), &self.signal)]
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        None
    }

    fn faults(&self) -> Vec<Fault> {
        if self.signal.has_tags() || is_signal(self.signal.as_str().trim()) {
            return Vec::new();
        }
        vec![Fault::at("signal", NO_NAME)]
    }

    fn signal(&self) -> Option<&Template> {
        Some(&self.signal)
    }

    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadySignal, Problem> {
        let name = self.signal.render(context, known)?.trim().to_owned();
        if !is_signal(&name) {
            let name = short(&name, NAME);
            let cause = format!("the name of the signal is `{name}`, and {NO_NAME}");
            return Err(
                Problem::new(422, "SignalInvalid", "Signal Invalid", cause).solution([
                    "Look at what the node's template gives",
                    "Put the workflow again with the template corrected, and start it again",
                ]),
            );
        }
        Ok(ReadySignal {
            name,
            on_timeout: self.on_timeout,
        })
    }
}

/// A signal whose name is known.
#[derive(Debug)]
pub(crate) struct ReadySignal {
    name: String,
    on_timeout: OnTimeout,
}

impl Ready for ReadySignal {
    async fn run(self, scope: &impl Scope) -> Ended {
        let awaits = signal_message(&self.name);
        match (look(scope, &awaits).await?, self.on_timeout) {
            (Stands::Told(value), _) => Ok(value.into()),
            (Stands::Waits(until), _) => Ok(Tried::Paused(Pause {
                waits_for: WaitsFor::Signal,
                awaits: Some(awaits),
                until,
                shown: None,
            })),
            (Stands::Late, OnTimeout::Continue) => Ok(Value::Null.into()),
            (Stands::Late, OnTimeout::Fail) => Err(timed_out(&self.name).into()),
        }
    }
}

fn timed_out(name: &str) -> Problem {
    Problem::new(
        504,
        "SignalTimedOut",
        "Signal Timed Out",
        format!("the signal `{name}` did not come within the node's `timeoutSeconds`"),
    )
    .solution([
        "Look at whoever was to send it: POST /runs/{id}/signals/{name}",
        "Resume the run: the node waits again, as long",
        "Or set `onTimeout: continue` in the node: its variable is then null",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_has_letters_digits_and_three_marks() {
        for name in ["paid", "order-7.paid", "A_b", &"x".repeat(64)] {
            assert!(is_signal(name), "{name}");
        }
        for name in ["", "a b", "a/b", "a#b", "ä", &"x".repeat(65)] {
            assert!(!is_signal(name), "{name}");
        }
        let faults = |name: &str| {
            let node: Signal = serde_json::from_value(json!({"signal": name})).unwrap();
            node.faults().len()
        };
        assert_eq!((faults("paid"), faults("{{x}}"), faults("a b")), (0, 0, 1));
    }
}
