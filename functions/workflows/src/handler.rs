//! A document is stored when it has no fault at all, and every fault is told at once.

use jiff::Timestamp;
use serde_json::{Value, json};
use steps_catalogue::Catalogue;
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem, known_names};
use steps_runs::{Credential, Store, StoredWorkflow};
use steps_workflow::{Format, Kind, Workflow};

use crate::schedules::Schedules;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Workflows {
    pub(crate) store: Store,
    pub(crate) schedules: Schedules,
    pub(crate) catalogue: Catalogue,
}

impl Workflows {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let id = || request.parameter("id");
        let arn = || request.parameter("arn");
        match request.route() {
            "GET /workflows" => self.list(request).await,
            "PUT /workflows/{id}" => self.put(id()?, request).await,
            "GET /workflows/{id}" => self.get(id()?, request).await,
            "DELETE /workflows/{id}" => self.delete(id()?).await,
            "GET /workflows/{id}/sources" => self.list_sources(id()?).await,
            "PUT /workflows/{id}/sources/{arn}" => self.put_source(id()?, arn()?).await,
            "DELETE /workflows/{id}/sources/{arn}" => {
                self.store.delete_source(arn()?, id()?).await?;
                Ok(Answer::empty())
            }
            _ => Err(request.no_route()),
        }
    }

    async fn put(&self, id: &str, request: &Request) -> Result<Answer, Problem> {
        let mut faults = Vec::new();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.len() > 64 || !id.chars().all(allowed) {
            faults.push(Fault::at(
                "id",
                "a workflow's id (in the path) has 1 to 64 characters: letters, digits, `-` and `_`",
            ));
        }
        let workflow = match steps_workflow::parse(request.text()?, format(request)?) {
            Ok(workflow) => Some(workflow),
            Err(found) => {
                faults.extend(found);
                None
            }
        };
        if let Some(workflow) = &workflow {
            faults.extend(unknown_credentials(
                workflow,
                &self.store.credentials().await?,
            ));
        }
        let Some(workflow) = workflow.filter(|_| faults.is_empty()) else {
            let cause = match faults.len() {
                1 => "the workflow has a fault; nothing was stored".to_owned(),
                count => format!("the workflow has {count} faults; nothing was stored"),
            };
            return Err(
                Problem::new(422, "InvalidWorkflow", "Invalid Workflow", cause)
                    .solution(["Correct what `faults` names, each at its path, and put it again"])
                    .faults(faults),
            );
        };
        let definition = serde_json::to_string(&workflow).map_err(Problem::unwritable)?;
        let credentials = workflow.nodes.iter().map(|node| {
            let Kind::OpenRouter(openrouter) = &node.kind;
            openrouter.credential.clone()
        });
        let stored = self
            .store
            .put_workflow(
                id,
                &workflow.name,
                &definition,
                &credentials.collect(),
                Timestamp::now(),
            )
            .await?;
        let status = if stored.version == 1 { 201 } else { 200 };
        let mut shown = shown(&stored)?;
        if let Value::Object(fields) = &mut shown {
            let warnings = self.catalogue.warnings(&workflow).await;
            fields.insert("warnings".to_owned(), json!(warnings));
        }
        Ok(Answer::json(status, &shown)?.location(format!("/workflows/{id}")))
    }

    async fn get(&self, id: &str, request: &Request) -> Result<Answer, Problem> {
        let stored = match request.number("version", 1..=u64::MAX, 0)? {
            0 => self.store.workflow(id).await?,
            version => self.store.workflow_version(id, version).await?,
        };
        Answer::json(200, &shown(&stored)?)
    }

    /// What would start it goes with it, and goes too where an earlier try got no further than the workflow.
    async fn delete(&self, id: &str) -> Result<Answer, Problem> {
        let deleted = self.store.delete_workflow(id).await;
        self.schedules.delete_all(id).await?;
        self.delete_sources(id).await?;
        deleted?;
        Ok(Answer::empty())
    }

    async fn list(&self, request: &Request) -> Result<Answer, Problem> {
        let limit = request.number("limit", 1..=100, 50)?;
        let page = self
            .store
            .workflows(limit as usize, request.query("cursor"))
            .await?;
        Answer::json(
            200,
            &json!({ "workflows": page.rows, "cursor": page.cursor }),
        )
    }
}

fn shown(stored: &StoredWorkflow) -> Result<Value, Problem> {
    let document: Value = serde_json::from_str(&stored.definition).map_err(|_| {
        Problem::from(steps_runs::Error::Malformed {
            attribute: "definition",
        })
    })?;
    Ok(json!({
        "id": stored.id,
        "version": stored.version,
        "updatedAt": stored.updated_at,
        "workflow": document,
    }))
}

/// By the content type; where it says neither, a document that begins with `{` is JSON.
fn format(request: &Request) -> Result<Format, Problem> {
    let content_type = request.header("content-type").unwrap_or_default();
    let yaml = content_type.contains("yaml")
        || (!content_type.contains("json") && !request.text()?.trim_start().starts_with('{'));
    Ok(if yaml { Format::Yaml } else { Format::Json })
}

/// References to credentials that do not exist, with the nearest names that do.
fn unknown_credentials(workflow: &Workflow, credentials: &[Credential]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, node) in workflow.nodes.iter().enumerate() {
        let Kind::OpenRouter(openrouter) = &node.kind;
        let reference = &openrouter.credential;
        if credentials
            .iter()
            .any(|credential| credential.id == *reference || credential.name == *reference)
        {
            continue;
        }
        let names = credentials
            .iter()
            .map(|credential| credential.name.as_str());
        let hint = if credentials.is_empty() {
            "; there is none yet: store one with POST /credentials".to_owned()
        } else {
            known_names(reference, names)
        };
        faults.push(Fault::at(
            format!("nodes[{index}].credential"),
            format!("no credential has the name or id `{reference}`{hint}"),
        ));
    }
    faults
}
