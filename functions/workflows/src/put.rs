//! `PUT /workflows/{id}`: stores a workflow's document.

use std::collections::BTreeSet;

use jiff::Timestamp;
use steps_api::{PutWorkflow, WorkflowView};
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem, known_names, name_fault};
use steps_store::Credential;
use steps_workflow::{Faulty, Format, Workflow};

use crate::app::App;

/// Most characters of a workflow's id.
const LONGEST_ID: usize = 64;

/// Most credentials of one workflow.
const MOST_CREDENTIALS: usize = 90;

/// Stores the document as a new version where it has no fault; else every fault is told at once.
pub(crate) async fn put(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let id_fault = name_fault("id", "a workflow's id", id, LONGEST_ID);
    let mut faults: Vec<Fault> = id_fault.into_iter().collect();
    let (workflow, found) = match steps_workflow::parse(request.text()?, format(request)?) {
        Ok(workflow) => (Some(workflow), Vec::new()),
        Err(Faulty { faults, rest }) => (rest, faults),
    };
    faults.extend(found);
    let mut ids = BTreeSet::new();
    if let Some(workflow) = &workflow {
        let known = app.store.credentials().list().await?;
        faults.extend(credential_faults(workflow, &known));
        faults.extend(unknown_handler(app, id, workflow).await?);
        ids = credential_ids(workflow, &known);
        if ids.len() > MOST_CREDENTIALS {
            let count = ids.len();
            let message = format!("use {count} credentials; the most is {MOST_CREDENTIALS}");
            faults.push(Fault::at("nodes", message));
        }
    }
    let warnings = match &workflow {
        Some(workflow) => {
            let mut warnings = app.catalogue.warnings(workflow).await;
            if workflow.names_vars() {
                let vars = app.store.vars().values().await?;
                warnings.extend(workflow.unset_vars(&vars));
            }
            warnings
        }
        None => Vec::new(),
    };
    let Some(workflow) = workflow.filter(|_| faults.is_empty()) else {
        return Err(Problem::faulty(
            422,
            "InvalidWorkflow",
            "Invalid Workflow",
            "the workflow",
            faults,
        )
        .warnings(warnings));
    };
    let definition = serde_json::to_string(&workflow).map_err(Problem::unwritable)?;
    let credentials = workflow.nodes.iter().flat_map(|node| {
        let named = node.kind.credentials().into_iter();
        named.map(|(_, reference)| reference.to_owned())
    });
    let stored = app
        .store
        .workflows()
        .put(
            id,
            &workflow.name,
            &definition,
            &credentials.collect(),
            &ids,
            Timestamp::now(),
        )
        .await?;
    let status = if stored.version == 1 { 201 } else { 200 };
    let put = PutWorkflow {
        stored: WorkflowView::try_from(&stored)?,
        warnings,
    };
    Ok(Answer::json(status, &put)?.location(format!("/workflows/{id}")))
}

/// The format that the content type names. Where it names none, a document that begins with `{` is JSON.
fn format(request: &Request) -> Result<Format, Problem> {
    let content_type = request.header("content-type").unwrap_or_default();
    let yaml = content_type.contains("yaml")
        || (!content_type.contains("json") && !request.text()?.trim_start().starts_with('{'));
    Ok(if yaml { Format::Yaml } else { Format::Json })
}

/// The ids of the credentials that the nodes use.
fn credential_ids(workflow: &Workflow, known: &[Credential]) -> BTreeSet<String> {
    let references = workflow
        .nodes
        .iter()
        .flat_map(|node| node.kind.credentials());
    references
        .filter_map(|(_, reference)| Credential::find(known, reference).ok())
        .map(|credential| credential.id.clone())
        .collect()
}

/// A workflow in `onFailure` that does not exist. A workflow may name itself before it is there.
async fn unknown_handler(
    app: &App,
    id: &str,
    workflow: &Workflow,
) -> Result<Option<Fault>, Problem> {
    let asked = workflow.on_failure.as_ref();
    let Some(handler) = asked.and_then(|asked| asked.workflow.as_deref()) else {
        return Ok(None);
    };
    if handler == id || name_fault("workflow", "a workflow's id", handler, LONGEST_ID).is_some() {
        return Ok((handler != id).then(|| no_handler(handler)));
    }
    match app.store.workflows().must_exist(handler).await {
        Ok(()) => Ok(None),
        Err(steps_store::Error::NotFound { .. }) => Ok(Some(no_handler(handler))),
        Err(error) => Err(error.into()),
    }
}

fn no_handler(id: &str) -> Fault {
    Fault::at(
        "onFailure.workflow",
        format!("there is no workflow `{id}`: put it first"),
    )
}

/// References to credentials that do not exist, with the nearest names that do, or that are of another type.
pub(crate) fn credential_faults(workflow: &Workflow, credentials: &[Credential]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, node) in workflow.nodes.iter().enumerate() {
        for (field, reference) in node.kind.credentials() {
            // A faulty reference is empty here: its fault is told already.
            if reference.is_empty() {
                continue;
            }
            let path = format!("nodes[{index}].{field}");
            if let Ok(credential) = Credential::find(credentials, reference) {
                let wanted = node.kind.credential_type();
                if let Some(wanted) = wanted.filter(|wanted| *wanted != credential.of_type()) {
                    faults.push(Fault::at(
                        path,
                        format!(
                            "the credential `{reference}` is of the type `{}`; this node needs one of the type `{}`",
                            credential.provider,
                            wanted.as_str()
                        ),
                    ));
                }
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
                path,
                format!("no credential has the name or id `{reference}`{hint}"),
            ));
        }
    }
    faults
}
