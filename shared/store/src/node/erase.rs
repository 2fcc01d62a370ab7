//! The texts of a node go: its output, and the words of its failures.

use jiff::Timestamp;
use steps_problem::Problem;

use crate::Error;
use crate::keys::{self, Key};
use crate::node::list::LIST;
use crate::node::record::{ATTEMPTS, GIVEN, OUTPUT, PAUSE};
use crate::node::row::ERROR;
use crate::table::key::{PK, SK};
use crate::table::{Attribute, Change, Item};

/// The words in place of those that were erased.
const GONE: &str = "the text was erased";

/// The words of an attempt's failure.
const MESSAGE: Attribute<String> = Attribute::new("message");

/// Since when a function may be at work on the node that the item records: the begin of its last attempt without an end.
pub(crate) fn at_work_since(item: &Item) -> Result<Option<Timestamp>, Error> {
    if !keys::is_of_nodes(item)? {
        return Ok(None);
    }
    let attempts = ATTEMPTS.find(item)?.unwrap_or_default();
    let open = attempts
        .iter()
        .filter(|attempt| attempt.ended_at.is_none())
        .map(|attempt| attempt.started_at);
    Ok(open.max())
}

/// The change that takes the texts out of the record of a node, of its list or of an item of its list; `None` for another
/// item.
pub(crate) fn without_texts(item: &Item) -> Result<Option<Change>, Error> {
    let is_list = item.contains_key(LIST.name());
    if !keys::is_of_nodes(item)? && !is_list {
        return Ok(None);
    }
    let key = Key::new(PK.get(item)?, SK.get(item)?);
    let mut change = Change::of(key)
        .when(PK.exists())
        .remove(OUTPUT)
        .remove(GIVEN)
        .remove(PAUSE);
    if is_list {
        change = change.remove(LIST);
    }
    // One by one: the cost of an attempt may be written at the same moment.
    let attempts = ATTEMPTS.find(item)?.unwrap_or_default();
    for (index, attempt) in attempts.iter().enumerate() {
        if attempt.message.is_some() {
            change = change.remove(ATTEMPTS.at(index).field(MESSAGE));
        }
    }
    if let Some(problem) = ERROR.find(item)? {
        change = change.set(ERROR, without_words(problem));
    }
    Ok(Some(change))
}

/// The problem by its code and title.
pub(crate) fn without_words(problem: Problem) -> Problem {
    Problem {
        cause: GONE.to_owned(),
        solution: Vec::new(),
        faults: Vec::new(),
        warnings: Vec::new(),
        upstream: None,
        ..problem
    }
}
