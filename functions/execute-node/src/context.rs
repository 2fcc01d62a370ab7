//! What the templates of a run's node see, and whether it is executed at all.

use serde_json::{Value, json};
use steps_problem::Problem;
use steps_store::Work;
use steps_template::RenderError;
use steps_workflow::{ForEach, Node, Workflow};

use crate::known_list;

/// The trigger's input at the root, `trigger`, the variables of the deployment as `vars`, and one variable for each finished node.
pub(crate) fn context(work: &Work, workflow: &Workflow) -> Value {
    let (texts, trigger) = (&work.run.texts, work.run.trigger_seen());
    let vars = texts.vars.as_ref();
    workflow.context(&texts.input, trigger, vars, &work.outputs, &work.failed)
}

/// What is to be tried of a node.
pub(crate) enum ToTry {
    /// Nothing: it is skipped.
    Nothing,
    /// A call.
    Call,
    /// Each of these items.
    Items(Vec<Value>),
}

/// What is to be tried of a node. It is skipped where it is a fallback of a node that did not fail, where its `when` is not
/// true, and where it reads something of a node that was skipped and its templates make no provision for that.
///
/// # Errors
/// `when` or the list cannot be rendered, or the list is none.
pub(crate) fn what_to_try(
    work: &Work,
    workflow: &Workflow,
    node: &Node,
    for_each: Option<&ForEach>,
    context: &Value,
    names: &[&str],
) -> Result<ToTry, Problem> {
    let stood_in_for = workflow.stands_in_for(&node.id);
    if stood_in_for.is_some_and(|other| !work.failed.contains(&other.id)) {
        return Ok(ToTry::Nothing);
    }
    if let Some(when) = &node.when {
        match when.render(context, names) {
            Ok(text) if !Node::is_true(&text) => return Ok(ToTry::Nothing),
            Ok(_) => {}
            Err(error) if reads_skipped(work, workflow, &error) => return Ok(ToTry::Nothing),
            Err(error) => return Err(error.into()),
        }
    }
    let Some(for_each) = for_each else {
        let skipped = lacks_skipped(work, workflow, node, context, names);
        return Ok(if skipped { ToTry::Nothing } else { ToTry::Call });
    };
    let items = match for_each.items.render(context, names) {
        Ok(text) => known_list::read(&text)?,
        Err(error) if reads_skipped(work, workflow, &error) => return Ok(ToTry::Nothing),
        Err(error) => return Err(error.into()),
    };
    if let (Some(first), false) = (items.first(), work.skipped.is_empty()) {
        let (mut context, mut names) = (context.clone(), names.to_vec());
        add_item(&mut context, &mut names, first.clone(), 0);
        if lacks_skipped(work, workflow, node, &context, &names) {
            return Ok(ToTry::Nothing);
        }
    }
    Ok(ToTry::Items(items))
}

/// Adds `item` and `index` to what templates see.
pub(crate) fn add_item(context: &mut Value, names: &mut Vec<&str>, item: Value, index: u32) {
    if let Value::Object(context) = context {
        context.insert("item".to_owned(), item);
        context.insert("index".to_owned(), json!(index));
    }
    names.extend(["item", "index"]);
}

/// Whether the node's templates read something of a node that was skipped, and make no provision for that.
fn lacks_skipped(
    work: &Work,
    workflow: &Workflow,
    node: &Node,
    context: &Value,
    names: &[&str],
) -> bool {
    if work.skipped.is_empty() {
        return false;
    }
    let templates = node.kind.templates();
    let mut errors = templates
        .iter()
        .filter_map(|(_, template)| template.render(context, names).err());
    errors.any(|error| reads_skipped(work, workflow, &error))
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
