//! A template as this crate evaluates it.

use serde_json::Value;

/// Line and column in the template, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug)]
pub(super) enum Element {
    Text(String),
    Print { value: Expression, at: Position },
    Block(Block),
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    pub(super) subject: Expression,
    /// The names of `as |item index|`.
    pub(super) params: Vec<String>,
    pub(super) body: Vec<Element>,
    pub(super) inverse: Vec<Element>,
    pub(super) at: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    If,
    Unless,
    Each,
    With,
}

#[derive(Debug)]
pub(super) enum Expression {
    Path(Path),
    Literal(Value),
    Call(Call),
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) helper: super::helper::Helper,
    pub(super) arguments: Vec<Expression>,
    /// `pretty=true` of `json`.
    pub(super) pretty: bool,
}

/// A path such as `../order.items.0`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// As it was written.
    pub(super) text: String,
    pub(super) start: Start,
    /// How many `../` it begins with.
    pub(super) up: usize,
    pub(super) segments: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The scope it stands in, or a block parameter.
    Here,
    /// The scope it stands in, said so: `this.x`, `./x`.
    This,
    /// `@root`
    Root,
    /// `@index` and its kind.
    Local,
}

impl Path {
    /// Reads the text of a path that the grammar has already accepted.
    pub(super) fn read(text: &str) -> Self {
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
