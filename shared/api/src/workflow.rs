//! Workflows and their sources of events: what callers send, and what they are answered.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_problem::Fault;
use steps_store::{Error, Page, Source, StoredWorkflow, WorkflowSummary, millis};

/// A workflow's document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowDocument(pub Value);

/// The document's own schema is large, and served by itself.
impl JsonSchema for WorkflowDocument {
    fn schema_name() -> Cow<'static, str> {
        "WorkflowDocument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A workflow's document. Its JSON Schema is at `/schema/workflow.json`; docs/workflow.md explains its fields.",
        })
    }
}

/// The answer of `GET /workflows/{id}`: one version of a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowView {
    /// Its id, chosen by its author.
    pub id: String,
    /// The version; 1 is the first.
    pub version: u64,
    /// When this version was put.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub updated_at: Timestamp,
    /// The document.
    pub workflow: WorkflowDocument,
}

impl TryFrom<&StoredWorkflow> for WorkflowView {
    type Error = Error;

    fn try_from(stored: &StoredWorkflow) -> Result<Self, Error> {
        let document = stored.document(|text| serde_json::from_str(text))?;
        Ok(Self {
            id: stored.id.clone(),
            version: stored.version,
            updated_at: stored.updated_at,
            workflow: WorkflowDocument(document),
        })
    }
}

/// The answer of `PUT /workflows/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PutWorkflow {
    /// The new version.
    #[serde(flatten)]
    pub stored: WorkflowView,
    /// What is likely to go wrong when it runs.
    pub warnings: Vec<Fault>,
}

/// The body of `POST /workflows/import`: a document of another product, as it has exported it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ForeignWorkflow(pub Value);

/// The answer of `POST /workflows/import`. Nothing is stored.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ImportedWorkflow {
    /// What was brought: `n8n`, or `editor` for nodes of a workflow editor.
    pub form: String,
    /// The document that was made of it, for `PUT /workflows/{id}`.
    pub document: Value,
    /// What was not taken over, or not quite, and why. Paths are those of what was brought.
    pub notes: Vec<Fault>,
    /// What `PUT /workflows/{id}` would refuse. Paths are those of `document`.
    pub faults: Vec<Fault>,
}

/// The answer of `GET /workflows`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowPage {
    /// Workflows by id, without their documents.
    pub workflows: Vec<WorkflowRow>,
    /// Asks for the next page; `null` on the last.
    pub cursor: Option<String>,
}

impl From<Page<WorkflowSummary>> for WorkflowPage {
    fn from(page: Page<WorkflowSummary>) -> Self {
        Self {
            workflows: page.rows.into_iter().map(WorkflowRow::from).collect(),
            cursor: page.cursor,
        }
    }
}

/// A workflow as a list shows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowRow {
    /// Its id, chosen by its author.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The newest version.
    pub version: u64,
    /// When the newest version was put.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub updated_at: Timestamp,
}

impl From<WorkflowSummary> for WorkflowRow {
    fn from(workflow: WorkflowSummary) -> Self {
        Self {
            id: workflow.id,
            name: workflow.name,
            version: workflow.version,
            updated_at: workflow.updated_at,
        }
    }
}

/// The answer of `GET /workflows/{id}/sources`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SourceList {
    /// The queues, topics and buckets whose events start the workflow.
    pub sources: Vec<SourceView>,
}

/// A queue, topic or bucket whose events start a workflow; the answer of `PUT /workflows/{id}/sources/{arn}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceView {
    /// Its ARN.
    pub arn: String,
    /// The workflow that its events start.
    pub workflow_id: String,
}

impl From<Source> for SourceView {
    fn from(source: Source) -> Self {
        Self {
            arn: source.arn,
            workflow_id: source.workflow_id,
        }
    }
}
