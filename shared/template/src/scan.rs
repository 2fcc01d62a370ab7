//! A first check of a template's tags. It finds faults that the `handlebars` reader would explain badly, and templates
//! that are too deep or too large for it.

use steps_problem::Fault;

use crate::tree::Position;

/// How deep blocks and parentheses may nest.
const MAX_DEPTH: usize = 64;
/// The most bytes times tags. The reader counts a tag's line from the template's start, so the work grows with both.
const MAX_WORK: usize = 256 * 1024 * 1024;

/// One `{{...}}`.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    /// With its braces.
    pub(crate) text: &'a str,
    pub(crate) at: Position,
}

/// A block that is open.
struct Open<'a> {
    name: &'a str,
    at: Position,
    /// How deep it nests: 1, and 1 more for each `{{else if}}`.
    depth: usize,
}

/// Finds the tags and checks that they are closed, balanced, of a kind this crate serves, and not too deep.
pub(crate) fn tags(template: &str) -> Result<Vec<Tag<'_>>, Fault> {
    let mut tags = Vec::new();
    let mut blocks: Vec<Open<'_>> = Vec::new();
    let mut cursor = Cursor::new(template);
    while cursor.go_to_tag() {
        let at = cursor.position;
        let rest = cursor.rest();
        let length = if let Some(comment) = rest.strip_prefix("{{!--") {
            let end = comment
                .find("--}}")
                .ok_or_else(|| at.fault("the comment `{{!--` is never closed with `--}}`"))?;
            "{{!--".len() + end + "--}}".len()
        } else if rest.starts_with("{{!") {
            let end = rest
                .find("}}")
                .ok_or_else(|| at.fault("the comment `{{!` is never closed with `}}`"))?;
            end + "}}".len()
        } else if rest.starts_with("{{{{") {
            raw_block(rest, at)?
        } else {
            let length = tag_length(rest, at)?;
            let text = rest.get(..length).unwrap_or(rest);
            balance(text, at, &mut blocks)?;
            tags.push(Tag { text, at });
            length
        };
        cursor.advance(length);
    }
    if let Some(open) = blocks.last() {
        let name = open.name;
        return Err(open.at.fault(format!(
            "the block `{{{{#{name}}}}}` is never closed with `{{{{/{name}}}}}`"
        )));
    }
    if template.len().saturating_mul(tags.len()) > MAX_WORK {
        return Err(Fault::at(
            "",
            format!(
                "the template is too large: {} bytes with {} tags; move data into the input and loop over it with `{{{{#each}}}}`",
                template.len(),
                tags.len()
            ),
        ));
    }
    Ok(tags)
}

/// The length of a raw block, `{{{{raw}}}} ... {{{{/raw}}}}`.
fn raw_block(rest: &str, at: Position) -> Result<usize, Fault> {
    const NEVER: &str = "the raw block `{{{{raw}}}}` is never closed with `{{{{/raw}}}}`";
    let close = rest.find("{{{{/").ok_or_else(|| at.fault(NEVER))?;
    let end = rest
        .get(close..)
        .and_then(|tail| tail.find("}}}}"))
        .ok_or_else(|| at.fault(NEVER))?;
    Ok(close + end + "}}}}".len())
}

/// The length of the tag at the start of `rest`. Braces in quotes and in `[...]` do not end it.
fn tag_length(rest: &str, at: Position) -> Result<usize, Fault> {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    let mut segment = false;
    let mut before = '{';
    let mut nesting = 0usize;
    let triple = rest.starts_with("{{{");
    let close = if triple { "}}}" } else { "}}" };
    for (index, character) in rest.char_indices().skip(close.len()) {
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == open {
                quote = None;
            }
        } else if segment {
            segment = character != ']';
        } else {
            match character {
                '"' | '\'' => quote = Some(character),
                '[' if before == '.' || before == '/' => segment = true,
                '(' | '[' | '{' => {
                    nesting += 1;
                    if nesting > MAX_DEPTH {
                        return Err(
                            at.fault(format!("the expression nests more than {MAX_DEPTH} deep"))
                        );
                    }
                }
                ')' | ']' => nesting = nesting.saturating_sub(1),
                '}' if rest
                    .get(index..)
                    .is_some_and(|tail| tail.starts_with(close))
                    && (triple || nesting == 0) =>
                {
                    return Ok(index + close.len());
                }
                '}' => nesting = nesting.saturating_sub(1),
                _ => {}
            }
        }
        before = character;
    }
    if quote.is_some() {
        return Err(at.fault("a quote inside this `{{` is never closed"));
    }
    Err(at.fault(format!(
        "`{}` is never closed with `{close}`; for a literal `{{{{` write `\\{{{{`",
        if triple { "{{{" } else { "{{" }
    )))
}

/// Follows blocks as they open and close.
fn balance<'a>(text: &'a str, at: Position, blocks: &mut Vec<Open<'a>>) -> Result<(), Fault> {
    let inside = text
        .trim_start_matches('{')
        .trim_end_matches('}')
        .trim_matches('~')
        .trim();
    if inside.is_empty() {
        return Err(at.fault("the expression is empty"));
    }
    if let Some(rest) = inside.strip_prefix('#') {
        if rest.starts_with(['>', '*']) {
            return Err(unserved(text, at));
        }
        blocks.push(Open {
            name: first_word(rest),
            at,
            depth: 1,
        });
    } else if let Some(rest) = inside.strip_prefix('/') {
        let name = rest.trim();
        match blocks.pop() {
            None => {
                return Err(at.fault(format!("`{text}` closes a block that is not open")));
            }
            Some(open) if open.name != name => {
                return Err(at.fault(format!(
                        "`{text}` stands where `{{{{/{}}}}}` must close the block opened at line {}, column {}",
                        open.name, open.at.line, open.at.column
                    ),
                ));
            }
            Some(_) => {}
        }
    } else if inside.starts_with(['>', '*']) {
        return Err(unserved(text, at));
    } else if inside == "else" || inside.starts_with("else ") || inside.starts_with('^') {
        let chained = inside != "else" && inside != "^";
        match blocks.last_mut() {
            None if inside.starts_with('^') && chained => {
                return Err(at.fault(format!(
                    "`{text}` is not supported; write `{{{{#unless name}}}}`"
                )));
            }
            None => return Err(at.fault(format!("`{text}` stands outside a block"))),
            Some(open) if chained => open.depth += 1,
            Some(_) => {}
        }
    }
    if blocks.iter().map(|open| open.depth).sum::<usize>() > MAX_DEPTH {
        return Err(at.fault(format!("blocks nest more than {MAX_DEPTH} deep")));
    }
    Ok(())
}

fn unserved(text: &str, at: Position) -> Fault {
    at.fault(format!(
            "`{text}` is not supported: partials and decorators have no place in a prompt; write the text out"
        ),
    )
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// A place in the template that knows its line and column.
struct Cursor<'a> {
    text: &'a str,
    offset: usize,
    position: Position,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            position: Position { line: 1, column: 1 },
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// Moves to the next `{{` that no backslash escapes; false at the end.
    fn go_to_tag(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let Some(index) = rest.find("{{") else {
                return false;
            };
            let backslashes = rest.get(..index).map_or(0, |before| {
                before
                    .bytes()
                    .rev()
                    .take_while(|&byte| byte == b'\\')
                    .count()
            });
            if backslashes == 1 {
                let braces = rest
                    .get(index..)
                    .map_or(2, |tail| if tail.starts_with("{{{{") { 4 } else { 2 });
                self.advance(index + braces);
            } else {
                self.advance(index);
                return true;
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        for character in passed.chars() {
            if character == '\n' {
                self.position.line += 1;
                self.position.column = 1;
            } else {
                self.position.column += 1;
            }
        }
        self.offset += bytes;
    }
}
