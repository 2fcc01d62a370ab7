//! The items of a list that a reader asks for by `?items=`.

use steps_problem::{Problem, short};

/// Most items of one window: a look reads each of those that have not ended.
pub(crate) const MOST_IN_VIEW: u32 = 50;

/// What a reader asks for, besides the nodes of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The texts of nodes that had ended before it came.
    pub all_texts: bool,
    /// How some items of one list stand.
    pub items: Option<Window>,
}

/// Some items of the list of a node, side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The id of the node.
    pub(crate) node: String,
    /// The first item, from 0.
    pub(crate) from: u32,
    /// How many.
    pub(crate) count: u32,
}

impl Window {
    /// Reads `node:from-to`; the last item counts.
    ///
    /// # Errors
    /// `InvalidRequest` where it is something else, or more than fifty items.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let read = || {
            let (node, places) = text.rsplit_once(':')?;
            let (from, to) = places.split_once('-')?;
            let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
            let count = to.checked_sub(from)?.checked_add(1)?;
            (count <= MOST_IN_VIEW && !node.is_empty()).then(|| Self {
                node: node.to_owned(),
                from,
                count,
            })
        };
        read().ok_or_else(|| {
            invalid(format!(
                "`items` is `{}`, and not `node:from-to` with {MOST_IN_VIEW} items at most",
                short(text, 100)
            ))
        })
    }

    pub(crate) fn unknown(&self) -> Problem {
        invalid(format!(
            "`items` names the node `{}`, which the run has not",
            short(&self.node, 64)
        ))
    }
}

fn invalid(cause: String) -> Problem {
    Problem::new(400, "InvalidRequest", "Invalid Request", cause).solution([
        "Send the id of a node with `forEach`, and the places of items, such as `items=each:0-24`",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_node_and_at_most_fifty_places() {
        let window = |node: &str, from, count| Window {
            node: node.to_owned(),
            from,
            count,
        };
        assert_eq!(Window::parse("each:0-24"), Ok(window("each", 0, 25)));
        assert_eq!(Window::parse("a$-:7-7"), Ok(window("a$-", 7, 1)));
        assert_eq!(
            Window::parse("each:4294967295-4294967295"),
            Ok(window("each", u32::MAX, 1))
        );
        for wrong in [
            "",
            "each",
            "each:",
            "each:3",
            "each:3-2",
            "each:0-50",
            ":0-1",
            "each:-1-3",
            "each:0-4294967295",
        ] {
            let problem = Window::parse(wrong).unwrap_err();
            assert_eq!(problem.code, "InvalidRequest", "{wrong}");
        }
    }
}
