//! `approval`: the run goes on at this node once a person has approved or rejected what it asks.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_problem::Problem;
use steps_template::Template;

use crate::ended::{Ended, Pause, Tried, WaitsFor};
use crate::form::Form;
use crate::node_kind::{NodeKind, Ready};
use crate::scope::Scope;
use crate::waiting::{Stands, look, waits_long};

/// Waits for a person, who approves or rejects. The variable is `{approved, comment, data, by, at}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = waits_long)]
pub(crate) struct Approval {
    /// What is asked: a template.
    #[schemars(schema_with = "question")]
    question: Template,
    /// What it is asked about: JSON whose texts are templates. It is shown to whoever decides, and is `data` of the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Form>,
    /// Whether whoever approves may send other `data` in its place; false when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    editable: Option<bool>,
    /// What a rejection means: `fail`, or `continue` with `approved` false.
    #[serde(default, skip_serializing_if = "OnReject::is_fail")]
    on_reject: OnReject,
    /// What it means that nobody has decided within `timeoutSeconds`: `fail`, `approve` or `reject`.
    #[serde(default, skip_serializing_if = "OnTimeout::is_fail")]
    on_timeout: OnTimeout,
}

fn question(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string"})
}

/// What a rejection means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("errorMessage" = "must be `fail` or `continue`"))]
enum OnReject {
    /// The node fails.
    #[default]
    Fail,
    /// The run goes on; `approved` of the variable is false.
    Continue,
}

impl OnReject {
    fn is_fail(&self) -> bool {
        *self == Self::Fail
    }
}

/// What it means that nobody has decided in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("errorMessage" = "must be `fail`, `approve` or `reject`"))]
enum OnTimeout {
    /// The node fails.
    #[default]
    Fail,
    /// It counts as approved.
    Approve,
    /// It counts as rejected.
    Reject,
}

impl OnTimeout {
    fn is_fail(&self) -> bool {
        *self == Self::Fail
    }
}

impl NodeKind for Approval {
    type Ready = ReadyApproval;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let mut templates = vec![(Cow::Borrowed("question"), &self.question)];
        if let Some(data) = &self.data {
            data.templates("data", &mut templates);
        }
        templates
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        Some(vec!["approved", "comment", "data", "by", "at"])
    }

    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadyApproval, Problem> {
        let question = self.question.render(context, known)?;
        let data = match &self.data {
            // A text that is JSON once it is rendered keeps its kind: `{{json draft}}`.
            Some(data) => match data.render_json(context, known)? {
                Ok(value) => value,
                Err(_) => data.render(context, known)?,
            },
            None => Value::Null,
        };
        Ok(ReadyApproval {
            asks: Asks {
                question,
                data,
                editable: self.editable.unwrap_or(false),
            },
            on_reject: self.on_reject,
            on_timeout: self.on_timeout,
        })
    }
}

/// What is shown to whoever decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asks {
    /// What is asked.
    pub question: String,
    /// What it is asked about; null where the node does not say.
    #[serde(default)]
    pub data: Value,
    /// Whether whoever approves may send other data in its place.
    #[serde(default)]
    pub editable: bool,
}

/// A decision as it is told to the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether it is approved.
    pub approved: bool,
    /// What whoever decided had to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The data in place of the node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Who: the id of the token, `root`, `link`, or `timeout`.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Who has decided where nobody has in time.
pub const BY_TIMEOUT: &str = "timeout";

/// An approval whose question is known.
#[derive(Debug)]
pub(crate) struct ReadyApproval {
    asks: Asks,
    on_reject: OnReject,
    on_timeout: OnTimeout,
}

impl Ready for ReadyApproval {
    async fn run(self, scope: &impl Scope) -> Ended {
        let awaits = match scope.paused().and_then(|paused| paused.awaits.clone()) {
            Some(awaits) => Some(awaits),
            None => scope.own_message(),
        };
        let name = awaits.clone().unwrap_or_default();
        let told = match (look(scope, &name).await?, self.on_timeout) {
            (Stands::Told(told), _) => told,
            (Stands::Waits(until), _) => {
                return Ok(Tried::Paused(Pause {
                    waits_for: WaitsFor::Approval,
                    awaits,
                    until,
                    shown: serde_json::to_value(&self.asks).ok(),
                }));
            }
            // Whoever decides at this moment is not told that it counts where it does not: the first one counts.
            (Stands::Late, on_timeout) => {
                let decision = Decision {
                    approved: on_timeout == OnTimeout::Approve,
                    comment: None,
                    data: None,
                    by: BY_TIMEOUT.to_owned(),
                    at: Timestamp::now(),
                };
                scope.tell(&name, &json!(decision)).await?
            }
        };
        let decision: Decision = serde_json::from_value(told).map_err(Problem::unwritable)?;
        let is_late = decision.by == BY_TIMEOUT;
        if is_late && self.on_timeout == OnTimeout::Fail {
            return Err(timed_out().into());
        }
        if !decision.approved && self.on_reject == OnReject::Fail {
            return Err(rejected(&decision).into());
        }
        let data = decision.data.filter(|_| self.asks.editable);
        let variable = json!({
            "approved": decision.approved,
            "comment": decision.comment,
            "data": data.unwrap_or(self.asks.data),
            "by": decision.by,
            "at": format!("{:.3}", decision.at),
        });
        Ok(variable.into())
    }
}

fn timed_out() -> Problem {
    Problem::new(
        504,
        "ApprovalTimedOut",
        "Approval Timed Out",
        "nobody has decided within the node's `timeoutSeconds`",
    )
    .solution([
        "Resume the run: it is asked again, as long",
        "Or set `onTimeout` in the node to `approve` or `reject`",
    ])
}

fn rejected(decision: &Decision) -> Problem {
    let cause = match (decision.by.as_str(), &decision.comment) {
        (BY_TIMEOUT, _) => "nobody has decided in time, which counts as rejected".to_owned(),
        (by, Some(comment)) => format!("it was rejected (by `{by}`): {comment}"),
        (by, None) => format!("it was rejected (by `{by}`), without a comment"),
    };
    Problem::new(409, "ApprovalRejected", "Approval Rejected", cause).solution([
        "Change what was rejected, and start the workflow again",
        "Where it was rejected by mistake: resume the run, and it is asked again",
        "Where the run is to go on after a rejection: set `onReject: continue` in the node",
    ])
}
