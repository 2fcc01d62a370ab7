//! A node that is executed once for each item of a list: its list is read and the node opened, and the outputs of its items
//! are gathered.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use steps_fresh::Fresh;
use steps_problem::Problem;
use steps_store::{Claim, Error, ListEnd, Record, Store};
use steps_workflow::{Node, OnError};

use crate::app::App;
use crate::attempt::failure;
use crate::executed::Executed;
use crate::recorded::UnitOfRun;

/// The most items of a list.
const MOST_ITEMS: usize = 1_000;

/// The most bytes of the outputs of a list together, as JSON: the nodes behind it read them at once.
const MOST_BYTES: usize = 16_000_000;

/// How many items are read at once for the gathering.
const PAGE: usize = 200;

/// Lists by run and node. A list never changes once its node is open.
#[derive(Debug)]
pub(crate) struct KnownLists(Fresh<(String, String), Arc<Vec<Value>>>);

/// No list is known yet.
pub(crate) fn known_lists() -> KnownLists {
    const KNOWN_FOR: Duration = Duration::from_secs(3600);
    const REMEMBERED: usize = 2;
    KnownLists(Fresh::new(KNOWN_FOR, REMEMBERED))
}

impl KnownLists {
    /// One item of an open node's list.
    pub(crate) async fn item(
        &self,
        store: &Store,
        run_id: &str,
        node: &str,
        index: u32,
    ) -> Result<Value, Error> {
        let key = (run_id.to_owned(), node.to_owned());
        let list = match self.0.get(&key) {
            Some(list) => list,
            None => {
                let list = Arc::new(store.nodes().list(run_id, node).await?);
                self.0.put(key, Arc::clone(&list));
                list
            }
        };
        let item = usize::try_from(index)
            .ok()
            .and_then(|index| list.get(index));
        item.cloned().ok_or_else(|| Record::Node.not_found(node))
    }
}

/// The items that `forEach.items` gives: a list, or a text that is one in JSON.
pub(crate) fn read(text: &str) -> Result<Vec<Value>, Problem> {
    let solution = "Let it give a list, such as `{{pages.data}}`, or a text that is one in JSON";
    let items = match serde_json::from_str(text) {
        Ok(Value::Array(items)) => items,
        other => {
            let what = match other {
                Ok(other) => steps_template::kind(&other).to_owned(),
                Err(_) => "a text that is no JSON".to_owned(),
            };
            let cause = format!("`forEach.items` gives {what}, not a list");
            return Err(Problem::new(422, "NotAList", "Not A List", cause).solution([solution]));
        }
    };
    if items.len() > MOST_ITEMS {
        let cause = format!(
            "`forEach.items` gives {} items, and a list has {MOST_ITEMS} at most",
            items.len()
        );
        return Err(Problem::new(422, "TooManyItems", "Too Many Items", cause)
            .solution(["Split the list, and start a run for each part"]));
    }
    Ok(items)
}

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
    let mut text = String::from("[");
    let mut cursor = None;
    loop {
        let page = nodes.items(of.run_id, &node.id, PAGE, cursor.as_deref());
        let page = page.await?;
        for output in nodes.output_texts(&page.rows).await? {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&output);
        }
        if text.len() > MOST_BYTES {
            return end_failed(app, of, node, &too_large()).await;
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    text.push(']');
    end(app, of, node, &ListEnd::Gathered(&text)).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_list_in_json() {
        assert_eq!(read("[1, {\"a\": 2}]").unwrap().len(), 2);
        assert_eq!(read("[]").unwrap().len(), 0);
        for (text, cause) in [
            ("{}", "an object"),
            ("one, two", "a text that is no JSON"),
            ("", "a text that is no JSON"),
            ("null", "null"),
        ] {
            let problem = read(text).unwrap_err();
            assert_eq!(problem.code, "NotAList");
            assert!(problem.cause.contains(cause), "{}", problem.cause);
        }
        let many = format!("[{}1]", "1,".repeat(MOST_ITEMS));
        assert_eq!(read(&many).unwrap_err().code, "TooManyItems");
    }
}
