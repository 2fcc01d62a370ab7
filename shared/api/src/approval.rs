//! Questions that wait for a person, and their decisions.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_approvals::Question;
use steps_nodes::{Asks, Decision};
use steps_problem::Problem;
use steps_store::{Unit, millis};

use crate::Secret;

/// A question that waits for a decision.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalView {
    /// The run.
    pub run_id: String,
    /// The node's id.
    pub node: String,
    /// The place in the node's list, from 0, where it is an item of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// What is asked, about which data.
    #[serde(flatten)]
    pub asks: Asks,
    /// Since when it waits.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub since: Timestamp,
    /// Until when it can be decided: its own time limit, or that of its run.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub until: Option<Timestamp>,
}

impl From<Question> for ApprovalView {
    fn from(question: Question) -> Self {
        let unit = Unit::of(&question.unit);
        Self {
            node: unit.node().to_owned(),
            index: unit.index(),
            run_id: question.run_id.clone(),
            asks: question.asks.clone(),
            since: question.since,
            until: question.until,
        }
    }
}

/// Some questions that wait, the one whose time ends first is first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalPage {
    /// The questions. A page may be short, or empty, and have a `cursor` nevertheless.
    pub approvals: Vec<ApprovalView>,
    /// The `cursor` of the next page; `null` for the last one.
    pub cursor: Option<String>,
}

/// The body of `POST /runs/{id}/nodes/{node}/approve` and `reject`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideApproval {
    /// Why; cut after 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Data in place of the node's, where the node says `editable: true` and it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The place in the node's list, from 0, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
}

/// The body of `POST /approvals/{token}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideByLink {
    /// `approve` or `reject`.
    pub decision: String,
    /// Why; cut after 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Data in place of the node's, where the node says `editable: true` and it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl DecideByLink {
    /// Whether it approves.
    ///
    /// # Errors
    /// `InvalidRequest` for another word.
    pub fn approved(&self) -> Result<bool, Problem> {
        match self.decision.as_str() {
            "approve" => Ok(true),
            "reject" => Ok(false),
            _ => Err(Problem::new(
                400,
                "InvalidRequest",
                "Invalid Request",
                "`decision` has to be `approve` or `reject`",
            )),
        }
    }
}

/// A question that was decided.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The run.
    pub run_id: String,
    /// The node's id.
    pub node: String,
    /// The place in the node's list, where it is an item of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Whether it is approved.
    pub approved: bool,
}

impl Decided {
    /// The decision of this question.
    #[must_use]
    pub fn of(question: &Question, decision: &Decision) -> Self {
        let unit = Unit::of(&question.unit);
        Self {
            run_id: question.run_id.clone(),
            node: unit.node().to_owned(),
            index: unit.index(),
            approved: decision.approved,
        }
    }
}

/// The body of `POST /runs/{id}/nodes/{node}/approval-link`; it may be left out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewApprovalLink {
    /// How long it is good, 60 to 2 592 000 seconds (30 days).
    #[schemars(range(min = 60, max = 2_592_000))]
    pub ttl_seconds: u32,
    /// The place in the node's list, from 0, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
}

impl Default for NewApprovalLink {
    fn default() -> Self {
        Self {
            ttl_seconds: 86_400,
            index: None,
        }
    }
}

impl NewApprovalLink {
    /// Whether it can be good for so long.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        (60..=2_592_000).contains(&self.ttl_seconds)
    }
}

/// A link that lets whoever holds it decide one question, once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalLink {
    /// The path of the link, behind the address of the API: `/approvals/` and a token.
    pub path: Secret,
    /// Until when it is good.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub expires_at: Timestamp,
}
