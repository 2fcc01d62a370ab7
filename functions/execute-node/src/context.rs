//! What the templates of a run's node see, and whether it is executed at all.

use serde_json::{Map, Value, json};
use steps_store::{Work, millis};
use steps_template::RenderError;
use steps_workflow::{Node, Workflow};

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
            // Where it failed and another node stands in for it, its variable is that one's output.
            let stands_in = node
                .on_error
                .fallback()
                .filter(|_| work.failed.contains(id));
            let other = stands_in.and_then(|fallback| work.outputs.get(fallback));
            context.insert(node.variable_name.clone(), other.unwrap_or(output).clone());
        }
    }
    Value::Object(context)
}

/// Whether the node is not to be executed: it is a fallback of a node that did not fail, its `when` is not true, or it
/// reads something of a node that was skipped, and its templates make no provision for that.
///
/// # Errors
/// `when` cannot be rendered.
pub(crate) fn is_skipped(
    work: &Work,
    workflow: &Workflow,
    node: &Node,
    context: &Value,
    known: &[&str],
) -> Result<bool, RenderError> {
    let stood_in_for = workflow.stands_in_for(&node.id);
    if stood_in_for.is_some_and(|other| !work.failed.contains(&other.id)) {
        return Ok(true);
    }
    if let Some(when) = &node.when {
        match when.render(context, known) {
            Ok(text) if !Node::is_true(&text) => return Ok(true),
            Ok(_) => {}
            Err(error) if reads_skipped(work, workflow, &error) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    if work.skipped.is_empty() {
        return Ok(false);
    }
    let templates = node.kind.templates();
    let mut errors = templates
        .iter()
        .filter_map(|(_, template)| template.render(context, known).err());
    Ok(errors.any(|error| reads_skipped(work, workflow, &error)))
}

/// Whether what is missing belongs to a node that was skipped.
fn reads_skipped(work: &Work, workflow: &Workflow, error: &RenderError) -> bool {
    let RenderError::MissingVariable { path, .. } = error else {
        return false;
    };
    let root = path.split(['.', '[']).next().unwrap_or_default();
    let skipped = work.skipped.iter().filter_map(|id| workflow.node(id));
    let mut names = skipped.map(|node| node.variable_name.as_str());
    names.any(|name| name == root)
}
