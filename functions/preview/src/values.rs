//! What the templates of a previewed node see: given values, or those of a run, or both; and the variables of the deployment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use steps_api::PreviewNode;
use steps_lambda::invalid;
use steps_problem::Problem;
use steps_store::{NodeRecord, NodeStatus, Run, Runs, Store};
use steps_template::VARS;
use steps_workflow::{Node, Workflow};

/// A run, with the records of its nodes.
pub(crate) struct Past {
    run: Run,
    nodes: BTreeMap<String, NodeRecord>,
    /// The document that it runs.
    pub(crate) workflow: Workflow,
}

impl Past {
    /// Reads a run that still has its texts.
    pub(crate) async fn read(store: &Store, id: &str) -> Result<Self, Problem> {
        let (run, nodes) = store.nodes().of_run(id).await?;
        Runs::check_texts(&run)?;
        let workflow = run.document(Workflow::from_stored)?;
        Ok(Self {
            run,
            nodes,
            workflow,
        })
    }

    /// What its templates saw, with the variables that `wanted` names as far as the run has them.
    async fn context(&self, store: &Store, wanted: &BTreeSet<&str>) -> Result<Value, Problem> {
        let mut ids: BTreeSet<&str> = BTreeSet::new();
        for node in &self.workflow.nodes {
            if wanted.contains(node.variable_name.as_str()) {
                ids.insert(node.id.as_str());
                ids.extend(node.on_error.fallback());
            }
        }
        let (mut outputs, mut failed) = (BTreeMap::new(), BTreeSet::new());
        for id in ids {
            let Some(record) = self.nodes.get(id) else {
                continue;
            };
            if record.status == NodeStatus::Failed {
                failed.insert(id.to_owned());
            }
            let output = match record.status {
                NodeStatus::Skipped => Some(Value::Null),
                _ => store.nodes().output(record).await?,
            };
            if let Some(output) = output {
                outputs.insert(id.to_owned(), output);
            }
        }
        let (texts, trigger) = (&self.run.texts, self.run.trigger_seen());
        let vars = texts.vars.as_ref();
        Ok(self
            .workflow
            .context(&texts.input, trigger, vars, &outputs, &failed))
    }
}

/// What the node's templates see.
pub(crate) async fn seen(
    store: &Store,
    asked: &PreviewNode,
    past: Option<&Past>,
    node: &Node,
) -> Result<Map<String, Value>, Problem> {
    let templates = node.templates();
    let references = templates
        .iter()
        .flat_map(|(_, template)| &template.names().references);
    let names_vars = references.clone().any(|reference| reference.root == VARS);
    let wanted = references
        .map(|reference| reference.root.as_str())
        .collect();
    let mut context = match past {
        Some(past) => match past.context(store, &wanted).await? {
            Value::Object(context) => context,
            _ => Map::new(),
        },
        None => Map::from_iter([("trigger".to_owned(), sample_trigger())]),
    };
    if names_vars && !context.contains_key(VARS) {
        // As a run sees them that starts now.
        let vars = store.vars().values().await?;
        context.insert(VARS.to_owned(), json!(vars));
    }
    match &asked.input {
        None => {}
        Some(Value::Object(input)) => {
            let fields = input.clone().into_iter();
            context.extend(fields.filter(|(name, _)| !names_vars || name != VARS));
        }
        Some(_) => return Err(invalid("`input` has to be an object")),
    }
    context.extend(asked.variables.clone());
    Ok(context)
}

/// What stands for the trigger where there is no run.
fn sample_trigger() -> Value {
    json!({
        "type": "api",
        "id": "00000000-0000-7000-8000-000000000000",
        "runId": "00000000-0000-7000-8000-000000000000",
        "time": "2026-01-01T00:00:00.000Z",
    })
}
