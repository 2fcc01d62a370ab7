//! Runs: what callers send, and what they are answered; a run with its nodes is in `run_view.rs`.

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_store::{Page, RunStatus, RunSummary, millis};

use crate::money::Usd;

/// The body of `PUT /runs/{id}/nodes/{node}/output`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GiveOutput {
    /// Any JSON: the node's variable, as the templates behind it read it. Of a node with `forEach` the list.
    pub output: Value,
}

/// The body of `POST /workflows/{id}/runs`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// The input, an object: its fields are the templates' variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub input: Option<Value>,
}

/// The body of `POST /hooks/{id}` and `POST /hooks/{id}/{webhook}`: the run's input itself. Its fields are the templates'
/// variables.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunInput(pub serde_json::Map<String, Value>);

/// The body of `POST /runs/{id}/cancel`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRun {
    /// Why; cut after 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to `POST /runs/{id}/signals/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentSignal {
    /// The run.
    pub run_id: String,
    /// The signal's name.
    pub name: String,
    /// Whether it was sent before.
    pub repeated: bool,
}

/// The body of `POST /runs/{id}/resume`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResumeRun {
    /// The most that the run may spend in all, USD, from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Usd>")]
    pub max_cost_usd: Option<Decimal>,
}

/// The body of `POST /runs/{id}/rerun`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RerunRun {
    /// The node from which on everything runs anew. Left out: everything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Another input, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub input: Option<Value>,
    /// Another version of the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// A version of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Version {
    /// The one of this number.
    Number(u64),
    /// The newest one.
    Word(Newest),
}

/// The word for the newest version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Newest {
    /// The newest version.
    Latest,
}

/// The answer to a start where the caller did not wait for the run's end, or waited in vain.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartedRun {
    /// The run's id, UUIDv7.
    pub id: String,
    /// The workflow that it runs.
    pub workflow_id: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Where it can be looked at: a path of this API.
    pub status_url: String,
    /// Whether an earlier delivery had started it.
    pub repeated: bool,
}

/// The answer to a start where as many runs of the workflow go on as may, and its `limits.maxRuns` says `skip`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SkippedRun {
    /// Always `true`: no run was started.
    pub skipped: bool,
    /// The workflow.
    pub workflow_id: String,
    /// How many runs of it may go on at once.
    pub max_runs: u32,
}

/// The answer to a start: the run, where it ended while the caller waited; or that no run was started.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(
    clippy::large_enum_variant,
    reason = "it is only described, never made"
)]
pub enum EndedOrSkipped {
    /// No run was started.
    Skipped(SkippedRun),
    /// The run.
    Ended(crate::RunView),
}

/// The answer of `GET /runs`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunPage {
    /// The newest first.
    pub runs: Vec<RunRow>,
    /// Asks for the next page; `null` on the last. A page before it may be short, or empty, where few runs match.
    pub cursor: Option<String>,
}

impl From<Page<RunSummary>> for RunPage {
    fn from(page: Page<RunSummary>) -> Self {
        Self {
            runs: page.rows.into_iter().map(RunRow::from).collect(),
            cursor: page.cursor,
        }
    }
}

/// A run as a list shows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRow {
    /// UUIDv7.
    pub id: String,
    /// The workflow that it runs.
    pub workflow_id: String,
    /// The workflow's version.
    pub version: u64,
    /// Where it stands.
    pub status: RunStatus,
    /// What started it.
    pub trigger: String,
    /// Spent so far, USD.
    pub cost_usd: Decimal,
    /// When it started.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(with = "millis::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<Timestamp>,
}

impl From<RunSummary> for RunRow {
    fn from(run: RunSummary) -> Self {
        Self {
            id: run.id,
            workflow_id: run.workflow_id,
            version: run.version,
            status: run.status,
            trigger: run.trigger,
            cost_usd: run.cost_usd,
            started_at: run.started_at,
            ended_at: run.ended_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_its_times_with_three_decimals_and_its_cost_as_text() {
        let started_at: Timestamp = "2026-11-24T16:00:00Z".parse().unwrap();
        let row = RunRow::from(RunSummary {
            id: "1".to_owned(),
            workflow_id: "post".to_owned(),
            version: 2,
            status: RunStatus::TimedOut,
            trigger: "api".to_owned(),
            cost_usd: Decimal::new(25, 2),
            started_at,
            ended_at: None,
        });
        let shown = json!({
            "id": "1", "workflowId": "post", "version": 2, "status": "TIMED_OUT", "trigger": "api",
            "costUsd": "0.25", "startedAt": "2026-11-24T16:00:00.000Z", "endedAt": null,
        });
        assert_eq!(serde_json::to_value(row).unwrap(), shown);
    }

    #[test]
    fn a_version_is_a_number_or_the_word_latest() {
        let read = |version| serde_json::from_value::<RerunRun>(json!({ "version": version }));
        assert_eq!(read(json!(3)).unwrap().version, Some(Version::Number(3)));
        let latest = Some(Version::Word(Newest::Latest));
        assert_eq!(read(json!("latest")).unwrap().version, latest);
        assert!(read(json!("3")).is_err());
    }
}
