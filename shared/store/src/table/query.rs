//! Queries of the table and its indexes.

use crate::Error;
use crate::table::condition::Condition;
use crate::table::expression::{Expression, Names, Values};
use crate::table::item::{Attribute, Item, Step};
use crate::table::key::{PK, SK, Under};

/// A query: which items, and in which order.
#[derive(Debug)]
#[must_use]
pub(crate) struct Query {
    keys: Condition,
    filter: Option<Condition>,
    only: Vec<Vec<Step>>,
    options: Options,
}

/// How the items are read.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) index: Option<&'static str>,
    pub(crate) backwards: bool,
    pub(crate) limit: Option<i32>,
    pub(crate) start: Option<Item>,
}

/// The texts of a query's expressions, with their names and values.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) keys: String,
    pub(crate) filter: Option<String>,
    pub(crate) only: Option<String>,
    pub(crate) names: Option<Names>,
    pub(crate) values: Option<Values>,
}

impl Query {
    /// A query for the items whose keys match.
    pub(crate) fn of(keys: Condition) -> Self {
        Self {
            keys,
            filter: None,
            only: Vec::new(),
            options: Options::default(),
        }
    }

    /// Some items of a partition.
    pub(crate) fn under(under: &Under) -> Self {
        Self::of(PK.is(&under.pk).and(SK.begins_with(&under.prefix)))
    }

    /// Queries an index. Its answers are eventually consistent.
    pub(crate) fn index(mut self, name: &'static str) -> Self {
        self.options.index = Some(name);
        self
    }

    /// Leaves out items that do not match. They are read nevertheless, and count towards the limit.
    pub(crate) fn filter(self, condition: Condition) -> Self {
        Self {
            filter: Some(condition),
            ..self
        }
    }

    /// Reads this attribute, and others only where they are named too. The items are read as a whole nevertheless: it spares
    /// the way to the function.
    pub(crate) fn only<T>(mut self, attribute: Attribute<T>) -> Self {
        self.only.push(attribute.path().into_steps());
        self
    }

    /// Reverses the order: the last item is first.
    pub(crate) fn backwards(mut self) -> Self {
        self.options.backwards = true;
        self
    }

    /// Reads so many items at most.
    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.options.limit = Some(i32::try_from(limit).unwrap_or(i32::MAX));
        self
    }

    /// Begins after the item with this key.
    pub(crate) fn start(mut self, start: Option<Item>) -> Self {
        self.options.start = start;
        self
    }

    /// The texts, and what is not in them.
    pub(crate) fn parts(self) -> Result<(Parts, Options), Error> {
        let mut expression = Expression::default();
        let keys = self.keys.render(&mut expression);
        let filter = self.filter.map(|filter| filter.render(&mut expression));
        let only: Vec<String> = self.only.iter().map(|at| expression.name(at)).collect();
        let (names, values) = expression.parts()?;
        let parts = Parts {
            keys,
            filter,
            only: Some(only.join(", ")).filter(|only| !only.is_empty()),
            names,
            values,
        };
        Ok((parts, self.options))
    }
}
