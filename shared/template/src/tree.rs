//! A template as this crate evaluates it: the tree of its texts, tags and blocks.

use serde_json::Value;
use steps_problem::Fault;

use crate::helper::Helper;

/// Line and column in the template, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// A fault at this place; its `path` is empty.
    pub(crate) fn fault(self, message: impl Into<String>) -> Fault {
        Fault {
            line: Some(self.line),
            column: Some(self.column),
            ..Fault::at("", message)
        }
    }
}

#[derive(Debug)]
pub(crate) enum Element {
    Text(String),
    Print { value: Expression, at: Position },
    Block(Block),
}

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    pub(crate) subject: Expression,
    /// The names of `as |item index|`.
    pub(crate) params: Vec<String>,
    pub(crate) body: Vec<Element>,
    pub(crate) inverse: Vec<Element>,
    pub(crate) at: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockKind {
    If,
    Unless,
    Each,
    With,
}

impl BlockKind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "if" => Self::If,
            "unless" => Self::Unless,
            "each" => Self::Each,
            "with" => Self::With,
            _ => return None,
        })
    }

    /// Whether its body stands in a scope of its own, which `../` leaves.
    pub(crate) fn opens_scope(self) -> bool {
        matches!(self, Self::Each | Self::With)
    }
}

#[derive(Debug)]
pub(crate) enum Expression {
    Path(Path),
    Literal(Value),
    Call(Call),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) helper: Helper,
    pub(crate) arguments: Vec<Expression>,
    /// `pretty=true` of `json`.
    pub(crate) pretty: bool,
}

/// A path such as `../order.items.0`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// As it was written.
    pub(crate) text: String,
    pub(crate) start: Start,
    /// How many `../` it begins with.
    pub(crate) up: usize,
    pub(crate) segments: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The scope it stands in, or a block parameter.
    Here,
    /// The scope that it stands in, named: `this.x`, `./x`.
    This,
    /// `@root`
    Root,
    /// `@index` and its kind.
    Local,
}

impl Path {
    /// Reads the text of a path that the grammar has already accepted.
    pub(crate) fn read(text: &str) -> Self {
        let mut rest = text;
        let mut start = Start::Here;
        for prefix in ["this.", "this/", "./"] {
            if let Some(stripped) = rest.strip_prefix(prefix) {
                rest = stripped;
                start = Start::This;
                break;
            }
        }
        match rest.strip_prefix("@root") {
            Some("") => {
                rest = "";
                start = Start::Root;
            }
            Some(after) if after.starts_with(['.', '/']) => {
                rest = after.get(1..).unwrap_or_default();
                start = Start::Root;
            }
            _ => {
                if let Some(stripped) = rest.strip_prefix('@') {
                    rest = stripped;
                    start = Start::Local;
                }
            }
        }
        let mut up = 0;
        while let Some(stripped) = rest
            .strip_prefix("../")
            .or_else(|| rest.strip_prefix("..."))
        {
            rest = stripped;
            up += 1;
        }
        let mut segments = split(rest);
        if segments.first().is_some_and(|first| first == "this") && rest.starts_with("this") {
            segments.remove(0);
            if start == Start::Here {
                start = Start::This;
            }
        }
        Self {
            text: text.to_owned(),
            start,
            up,
            segments,
        }
    }
}

/// The number of characters that every rendering has.
pub(crate) fn least_chars(elements: &[Element]) -> usize {
    elements
        .iter()
        .map(|element| match element {
            Element::Text(text) => text.chars().count(),
            Element::Print { .. } => 0,
            Element::Block(block) => least_chars(&block.body).min(least_chars(&block.inverse)),
        })
        .sum()
}

/// Splits `a.b/[c d]` into its segments.
fn split(text: &str) -> Vec<String> {
    let mut segments = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(literal) = rest.strip_prefix('[') {
            let (segment, after) = literal.split_once(']').unwrap_or((literal, ""));
            segments.push(segment.to_owned());
            rest = after;
        } else {
            let end = rest.find(['.', '/']).unwrap_or(rest.len());
            let (segment, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            segments.push(segment.to_owned());
            rest = after;
        }
        rest = rest.strip_prefix(['.', '/']).unwrap_or(rest);
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Start, usize, Vec<String>) {
        let path = Path::read(text);
        (path.start, path.up, path.segments)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_path_is_split_at_dots_slashes_and_literal_segments() {
        assert_eq!(read("a.b"), (Start::Here, 0, words(&["a", "b"])));
        assert_eq!(read("a/b"), (Start::Here, 0, words(&["a", "b"])));
        assert_eq!(
            read("a.[b.c d].e"),
            (Start::Here, 0, words(&["a", "b.c d", "e"]))
        );
        assert_eq!(read("[this].a"), (Start::Here, 0, words(&["this", "a"])));
        assert_eq!(
            read("items.0.name"),
            (Start::Here, 0, words(&["items", "0", "name"]))
        );
    }

    #[test]
    fn a_path_starts_where_it_says() {
        assert_eq!(read("this"), (Start::This, 0, words(&[])));
        assert_eq!(read("this.a"), (Start::This, 0, words(&["a"])));
        assert_eq!(read("./a"), (Start::This, 0, words(&["a"])));
        assert_eq!(read("@root"), (Start::Root, 0, words(&[])));
        assert_eq!(read("@root.a"), (Start::Root, 0, words(&["a"])));
        assert_eq!(read("../../a"), (Start::Here, 2, words(&["a"])));
        assert_eq!(read("../this"), (Start::This, 1, words(&[])));
        assert_eq!(read("@index"), (Start::Local, 0, words(&["index"])));
        assert_eq!(read("@../index"), (Start::Local, 1, words(&["index"])));
    }
}
