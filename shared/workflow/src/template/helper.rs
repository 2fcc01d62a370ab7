//! The helpers that templates may call.

use std::cmp::Ordering;

use serde_json::Value;

use super::tree::BlockKind;

/// A helper that gives a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Helper {
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
pub(super) const NAMES: [&str; 18] = [
    "json", "default", "lookup", "len", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not",
    "if", "unless", "each", "with", "raw",
];

impl Helper {
    pub(super) fn named(name: &str) -> Option<Self> {
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
    pub(super) fn arguments(self) -> (usize, usize) {
        match self {
            Self::Json | Self::Len | Self::Not => (1, 1),
            Self::Default | Self::And | Self::Or => (2, usize::MAX),
            Self::Lookup | Self::Eq | Self::Ne | Self::Gt | Self::Gte | Self::Lt | Self::Lte => {
                (2, 2)
            }
        }
    }
}

impl BlockKind {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "if" => Self::If,
            "unless" => Self::Unless,
            "each" => Self::Each,
            "with" => Self::With,
            _ => return None,
        })
    }

    /// Whether its body stands in a scope of its own, which `../` leaves.
    pub(super) fn opens_scope(self) -> bool {
        matches!(self, Self::Each | Self::With)
    }
}

/// Handlebars' truth: false, null, 0, the empty text and the empty list are false.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
    }
}

/// Whether two values are the same; `1` and `1.0` are.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => order(left, right) == Some(Ordering::Equal),
        _ => left == right,
    }
}

/// How two numbers or two texts compare; nothing else does.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
