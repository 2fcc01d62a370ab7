//! The lists that nodes are executed for: read from what `forEach.items` gives, and remembered by a warm function.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use steps_fresh::Fresh;
use steps_problem::Problem;
use steps_store::{Error, Record, Store};

/// The most items of a list.
const MOST_ITEMS: usize = 10_000;

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
    /// An open node's list.
    pub(crate) async fn find(
        &self,
        store: &Store,
        run_id: &str,
        node: &str,
    ) -> Result<Arc<Vec<Value>>, Error> {
        let key = (run_id.to_owned(), node.to_owned());
        if let Some(list) = self.0.get(&key) {
            return Ok(list);
        }
        let list = Arc::new(store.nodes().list(run_id, node).await?);
        self.0.put(key, Arc::clone(&list));
        Ok(list)
    }

    /// One item of an open node's list.
    pub(crate) async fn item(
        &self,
        store: &Store,
        run_id: &str,
        node: &str,
        index: u32,
    ) -> Result<Value, Error> {
        let list = self.find(store, run_id, node).await?;
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
