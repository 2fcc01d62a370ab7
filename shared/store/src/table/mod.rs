//! The table under all records: items and their attributes, changes, transactions, queries, pages, long texts.

pub(crate) mod change;
mod condition;
mod expression;
pub(crate) mod item;
pub(crate) mod key;
pub(crate) mod page;
pub(crate) mod query;
mod reach;
pub(crate) mod texts;
mod transaction;

pub(crate) use change::{Change, Delete, Put, Write};
pub(crate) use condition::Condition;
pub(crate) use item::{Attribute, Item};
pub(crate) use query::Query;
pub(crate) use reach::Table;
pub(crate) use transaction::Transacted;
