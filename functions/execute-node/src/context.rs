//! What the templates of a run's node see.

use serde_json::{Map, Value, json};
use steps_store::{Work, millis};
use steps_workflow::Workflow;

/// The trigger's input at the root, `trigger`, and one variable for each finished node.
pub(crate) fn context(work: &Work, workflow: &Workflow) -> Value {
    let mut context = match &work.run.texts.input {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    let mut trigger = match &work.run.texts.trigger {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    trigger.insert("type".to_owned(), json!(work.run.trigger));
    trigger.insert("runId".to_owned(), json!(work.run.id));
    trigger.entry("id").or_insert_with(|| json!(work.run.id));
    trigger.insert("time".to_owned(), json!(millis::text(work.run.started_at)));
    context.insert("trigger".to_owned(), Value::Object(trigger));
    for (id, output) in &work.outputs {
        if let Some(node) = workflow.node(id) {
            context.insert(node.variable_name.clone(), output.clone());
        }
    }
    Value::Object(context)
}
