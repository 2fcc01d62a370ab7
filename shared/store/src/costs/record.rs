//! A row of the costs by day: what one part of a grouping has cost on a day, as far as one shard has added it up.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::table::{Attribute, Table};

/// Costs by day.
#[derive(Debug, Clone)]
pub struct Costs(pub(crate) Table);

/// What costs are told by, beside the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CostsBy {
    /// Nothing else: one row for each day.
    Day,
    /// Workflows.
    Workflow,
    /// Models that answered.
    Model,
    /// Credentials that paid.
    Credential,
    /// Nodes of workflows.
    Node,
    /// Who started the runs: tokens, webhooks, schedules, sources of events.
    User,
}

impl CostsBy {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Day,
        Self::Workflow,
        Self::Model,
        Self::Credential,
        Self::Node,
        Self::User,
    ];

    /// The word of it, as requests have it and as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Workflow => "workflow",
            Self::Model => "model",
            Self::Credential => "credential",
            Self::Node => "node",
            Self::User => "user",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

pub(super) const USD: Attribute<Decimal> = Attribute::new("costUsd");
/// How many attempts have a cost that is not known.
pub(super) const UNKNOWN: Attribute<i64> = Attribute::new("unknown");

/// For how many days a row is kept.
pub const KEPT_DAYS: i64 = 800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back() {
        for by in CostsBy::ALL {
            assert_eq!(CostsBy::parse(by.as_str()), Some(by));
        }
        assert_eq!(CostsBy::parse("DAY"), None);
    }
}
