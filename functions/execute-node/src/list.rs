//! A node that is executed once for each item of a list: opened with its items, and ended with their outputs.

use jiff::Timestamp;
use serde_json::Value;
use steps_problem::Problem;
use steps_store::{Claim, ListEnd, Unit};
use steps_workflow::{Node, OnError};

use crate::app::App;
use crate::attempt::failure;
use crate::executed::{Executed, UnitOfRun};

/// The most bytes of the outputs of a list together, as JSON: the nodes behind it read them at once.
const MOST_BYTES: usize = 16_000_000;

/// How many items are read at once for the gathering.
const PAGE: usize = 200;

/// Opens a node with its items. A list that is empty is done at once.
pub(crate) async fn open(
    app: &App,
    claim: &Claim<'_>,
    items: &[Value],
) -> Result<Executed, Problem> {
    let nodes = app.store.nodes();
    if !nodes.open(claim, items).await? {
        return Ok(Executed::look_again(1));
    }
    tracing::info!(
        run = claim.run_id,
        node = claim.node_id,
        items = items.len(),
        "opened"
    );
    Ok(Executed::Opened {
        total: u32::try_from(items.len()).unwrap_or(u32::MAX),
    })
}

/// Gathers the outputs of a node's items, and ends the node with them. Whether this call has ended it.
pub(crate) async fn gather(app: &App, of: &UnitOfRun<'_>, node: &Node) -> Result<bool, Problem> {
    let nodes = app.store.nodes();
    match nodes.get(of.run_id, &node.id).await? {
        Some(record) if record.is_open() => {}
        Some(record) if !record.is_done() => return Err(record.failure()),
        _ => return Ok(false),
    }
    let Some(text) = outputs(app, of.run_id, &node.id).await? else {
        return end_failed(app, of, node, &too_large()).await;
    };
    let Some(count) = node.kind.items().map(|items| items.len()) else {
        return end(app, of, node, &ListEnd::Gathered(&text)).await;
    };
    let mut outputs = values(&text)?;
    let last = (outputs.len() > count).then(|| outputs.remove(count));
    match node.kind.gathered(outputs, last) {
        Ok(variable) => end(app, of, node, &ListEnd::Gathered(&variable.to_string())).await,
        Err(problem) => end_failed(app, of, node, &problem).await,
    }
}

/// The last unit of a node whose kind has items, behind these: it is an item of no list.
pub(crate) fn last(node: &Node) -> Option<String> {
    let count = u32::try_from(node.kind.items()?.len()).ok()?;
    Some(Unit::Item(&node.id, count).to_string())
}

/// Whether the unit is that.
pub(crate) fn is_last(node: &Node, unit: Unit<'_>) -> bool {
    unit.index().is_some() && last(node).is_some_and(|last| last == unit.to_string())
}

/// What the last unit is executed for, once all items are done; `None` where there is no such unit.
pub(crate) async fn last_item(
    app: &App,
    run_id: &str,
    node: &Node,
) -> Result<Option<Value>, Problem> {
    let Some(count) = node.kind.items().map(|items| items.len()) else {
        return Ok(None);
    };
    let Some(text) = outputs(app, run_id, &node.id).await? else {
        return Ok(None);
    };
    let mut outputs = values(&text)?;
    outputs.truncate(count);
    Ok(node.kind.last_of(&outputs))
}

/// The outputs of a node's items that are done, in their order, as a list in JSON; `None` where they are too large together.
async fn outputs(app: &App, run_id: &str, node: &str) -> Result<Option<String>, Problem> {
    let nodes = app.store.nodes();
    let mut text = String::from("[");
    let mut cursor = None;
    loop {
        let page = nodes.items(run_id, node, PAGE, cursor.as_deref()).await?;
        let done: Vec<_> = page.rows.into_iter().filter(|row| row.is_done()).collect();
        for output in nodes.output_texts(&done).await? {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&output);
        }
        if text.len() > MOST_BYTES {
            return Ok(None);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    text.push(']');
    Ok(Some(text))
}

/// The values of a list in JSON that was put together here.
fn values(text: &str) -> Result<Vec<Value>, Problem> {
    serde_json::from_str(text).map_err(Problem::unwritable)
}

/// Ends a node whose list has failed. Whether this call has ended it, where the run goes on.
pub(crate) async fn end_failed(
    app: &App,
    of: &UnitOfRun<'_>,
    node: &Node,
    problem: &Problem,
) -> Result<bool, Problem> {
    if node.on_error == OnError::Fail {
        end(app, of, node, &ListEnd::Failed(problem)).await?;
        return Err(problem.clone());
    }
    end(app, of, node, &ListEnd::Handled(problem, &failure(problem))).await
}

async fn end(
    app: &App,
    of: &UnitOfRun<'_>,
    node: &Node,
    end: &ListEnd<'_>,
) -> Result<bool, Problem> {
    let nodes = app.store.nodes();
    let of_run = (of.run_id, of.take, of.lane);
    let now = Timestamp::now();
    let ended = nodes.end_list(of_run, &node.id, end, now).await?;
    tracing::info!(run = of.run_id, node = node.id, ended, "the list has ended");
    Ok(ended)
}

fn too_large() -> Problem {
    let cause = format!(
        "the outputs of the list have more than {MOST_BYTES} bytes together, and the nodes behind it read them at once"
    );
    Problem::new(422, "ListTooLarge", "List Too Large", cause).solution([
        "Let each item answer less, for example by `maxTokens`",
        "Read the items' outputs one by one with GET /runs/{id}/nodes/{node}/items",
    ])
}
