//! The helpers that templates may call.

/// A helper that gives a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helper {
    Json,
    Default,
    Lookup,
    Len,
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    And,
    Or,
    Not,
}

/// Every name that may stand where a helper does.
pub(crate) const NAMES: [&str; 18] = [
    "json", "default", "lookup", "len", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not",
    "if", "unless", "each", "with", "raw",
];

impl Helper {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "default" => Self::Default,
            "lookup" => Self::Lookup,
            "len" => Self::Len,
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "and" => Self::And,
            "or" => Self::Or,
            "not" => Self::Not,
            _ => return None,
        })
    }

    /// The fewest and the most arguments.
    pub(crate) fn arguments(self) -> (usize, usize) {
        match self {
            Self::Json | Self::Len | Self::Not => (1, 1),
            Self::Default | Self::And | Self::Or => (2, usize::MAX),
            Self::Lookup | Self::Eq | Self::Ne | Self::Gt | Self::Gte | Self::Lt | Self::Lte => {
                (2, 2)
            }
        }
    }
}
