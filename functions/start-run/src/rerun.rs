//! `POST /runs/{id}/rerun`: makes another run of a run.

use std::collections::BTreeSet;

use serde_json::Value;
use steps_api::{Newest, RerunRun, Version};
use steps_lambda::{Request, invalid};
use steps_problem::{Fault, Problem};
use steps_starts::{Delivery, Door, NotStarted, Start, Started, delivery};
use steps_store::{NodeRecord, NodeStatus, RerunOf, Reuse, Run, Runs, StoredWorkflow, Trigger};
use steps_workflow::Workflow;

use crate::app::App;

/// Starts another run of the same workflow. With `from`, the answers of the nodes that do not come after it are reused.
pub(crate) async fn rerun(app: &App, id: &str, request: &Request) -> Result<Started, NotStarted> {
    let body: RerunRun = request.json_or_default()?;
    let (run, nodes) = app.store.nodes().of_run(id).await?;
    Runs::check_texts(&run)?;
    let document = match body.version {
        Some(Version::Number(version)) => {
            app.store
                .workflows()
                .version(&run.workflow_id, version)
                .await?
        }
        Some(Version::Word(Newest::Latest)) => app.store.workflows().get(&run.workflow_id).await?,
        None => StoredWorkflow {
            id: run.workflow_id.clone(),
            version: run.version,
            definition: run.texts.definition.clone(),
            updated_at: run.started_at,
        },
    };
    let before = run.document(Workflow::from_stored)?;
    let workflow = document.document(Workflow::from_stored)?;
    let reused = match &body.from {
        Some(from) => reusable(&before, &workflow, from)?,
        None => BTreeSet::new(),
    };
    let reuse = Reuse {
        nodes: nodes
            .values()
            .filter(|node| node.status == NodeStatus::Succeeded)
            .filter(|node| reused.contains(node.id.as_str()))
            .collect::<Vec<&NodeRecord>>(),
        of: RerunOf {
            run_id: run.id.clone(),
            from: body.from.clone(),
        },
    };
    let delivery = rerun_delivery(run, body.input, request)?;
    let start = Start {
        reuse: Some(&reuse),
        ..Start::new(&document, &delivery)
    };
    app.starts.start(start).await
}

/// The nodes whose answers hold for `workflow` too: those that do not come after `from`, are the same as they were in
/// the document `before`, and depend on such nodes only.
fn reusable<'w>(
    before: &Workflow,
    workflow: &'w Workflow,
    from: &str,
) -> Result<BTreeSet<&'w str>, Problem> {
    if workflow.node(from).is_none() {
        let names: Vec<&str> = workflow.nodes.iter().map(|node| node.id.as_str()).collect();
        return Err(
            invalid("the run cannot be repeated from there").faults(vec![Fault::at(
                "from",
                format!(
                    "the workflow has no node `{from}`; it has {}",
                    names.join(", ")
                ),
            )]),
        );
    }
    let changed = workflow
        .nodes
        .iter()
        .filter(|node| before.node(&node.id) != Some(node))
        .map(|node| node.id.as_str());
    let anew: BTreeSet<&str> = changed
        .chain([from])
        .flat_map(|id| workflow.from_node_on(id))
        .collect();
    Ok(workflow
        .nodes
        .iter()
        .map(|node| node.id.as_str())
        .filter(|id| !anew.contains(id))
        .collect())
}

/// The request's id and callback address, with the trigger of the run before: templates see what they saw then.
fn rerun_delivery(run: Run, input: Option<Value>, request: &Request) -> Result<Delivery, Problem> {
    let given = delivery(request, Door::Token("rerun"), Value::Null)?;
    Ok(Delivery {
        // A key counts for one run: with another run it asks for something else.
        identity: given.identity.map(|key| format!("{key}@{}", run.id)),
        trigger: Trigger {
            kind: run.trigger,
            context: run.texts.trigger.clone(),
        },
        input: input.unwrap_or_else(|| run.texts.input.clone()),
        ..given
    })
}
