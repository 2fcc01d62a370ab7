//! What the model list says while one document is checked.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::civil::Date;
use steps_openrouter::{Model, ModelList};

/// The model list on one day. It remembers what it was asked: nodes tend to name the same model, and the search for
/// near names takes time.
#[derive(Debug)]
pub struct KnownModels<'l> {
    pub(crate) list: &'l ModelList,
    pub(crate) today: Date,
    not_listed: RefCell<HashMap<String, Option<String>>>,
}

impl<'l> KnownModels<'l> {
    /// The list as it is looked at on this day.
    #[must_use]
    pub fn new(list: &'l ModelList, today: Date) -> Self {
        Self {
            list,
            today,
            not_listed: RefCell::default(),
        }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&'l Model> {
        self.list.find(id)
    }

    /// Says that OpenRouter does not list a model, with the nearest that it lists; `None` where it takes the id.
    pub(crate) fn not_listed(&self, id: &str) -> Option<String> {
        let mut known = self.not_listed.borrow_mut();
        known
            .entry(id.to_owned())
            .or_insert_with(|| not_listed(id, self.list))
            .clone()
    }
}

fn not_listed(id: &str, list: &ModelList) -> Option<String> {
    if list.takes(id) || !id.contains('/') {
        return None;
    }
    if let Some(other) = list.other_case(id) {
        return Some(format!(
            "model ids are case-sensitive: OpenRouter lists `{other}`, not `{id}`"
        ));
    }
    let nearest = list.nearest(id);
    let hint = if nearest.is_empty() {
        String::new()
    } else {
        format!("; the nearest that it lists: `{}`", nearest.join("`, `"))
    };
    Some(format!(
        "OpenRouter does not list the model `{id}`: it is misspelt, or gone{hint}"
    ))
}
