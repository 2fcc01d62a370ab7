//! What a lane takes: a node, an item of a node's list, or the gathering of such a list.

use std::fmt;

/// A unit. Its text is `node`, `node#000003` or `node#all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A node. Where it has a list, this is the reading of the list.
    Node(&'a str),
    /// The node, and the place in its list of an item, from 0.
    Item(&'a str, u32),
    /// The gathering of the node's list, once every item of it is done.
    Gathering(&'a str),
}

const GATHERING: &str = "all";

impl<'a> Unit<'a> {
    /// The unit of this text.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let Some((node, rest)) = text.split_once('#') else {
            return Self::Node(text);
        };
        match rest.parse() {
            Ok(index) => Self::Item(node, index),
            Err(_) => Self::Gathering(node),
        }
    }

    /// Its node's id.
    #[must_use]
    pub fn node(self) -> &'a str {
        match self {
            Self::Node(node) | Self::Item(node, _) | Self::Gathering(node) => node,
        }
    }

    /// The place in the list, where it is an item.
    #[must_use]
    pub fn index(self) -> Option<u32> {
        match self {
            Self::Item(_, index) => Some(index),
            Self::Node(_) | Self::Gathering(_) => None,
        }
    }
}

impl fmt::Display for Unit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => f.write_str(node),
            Self::Item(node, index) => write!(f, "{node}#{index:06}"),
            Self::Gathering(node) => write!(f, "{node}#{GATHERING}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_told_by_its_text() {
        for unit in [
            Unit::Node("a"),
            Unit::Item("a$-", 0),
            Unit::Item("a", 1_000_000),
            Unit::Gathering("all"),
        ] {
            assert_eq!(Unit::of(&unit.to_string()), unit);
        }
        assert_eq!(Unit::Item("a", 3).to_string(), "a#000003");
    }
}
