//! From a template's text to its tree, through the `handlebars` crate's reader.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, Template, TemplateElement};
use steps_problem::{Fault, known_names};

use crate::helper::{Helper, NAMES};
use crate::scan::{self, Tag};
use crate::tree::{Block, BlockKind, Call, Element, Expression, Path, Position};

/// Reads a template.
pub(crate) fn read(template: &str) -> Result<Vec<Element>, Fault> {
    let tags = scan::tags(template)?;
    if tags.is_empty() && !template.contains("{{") {
        return Ok(vec![Element::Text(template.to_owned())]);
    }
    let read = Template::compile(template).map_err(|error| unreadable(&error, &tags))?;
    elements(&read, Position { line: 1, column: 1 })
}

/// The fault at a tag that the grammar refuses. The grammar's own message lists its rules, so this one shows the tag.
fn unreadable(error: &handlebars::TemplateError, tags: &[Tag<'_>]) -> Fault {
    let (line, column) = error.pos().unwrap_or((1, 1));
    let tag = tags
        .iter()
        .take_while(|tag| (tag.at.line, tag.at.column) <= (line, column))
        .last()
        .or_else(|| tags.first());
    let Some(tag) = tag else {
        return Position { line, column }
            .fault(format!("not a Handlebars template: {}", error.reason()));
    };
    let bare_dot = tag
        .text
        .split(|character: char| character.is_whitespace() || "{}()".contains(character))
        .any(|word| word == "." || word == "..");
    let hint = if bare_dot {
        "write `this` for `.` and `../this` for `..`"
    } else {
        "write a path such as `{{order.id}}`, a helper with its arguments such as `{{json order}}`, or for a name with \
         other characters `{{order.[unit price]}}`"
    };
    tag.at.fault(format!(
        "`{}` is not a Handlebars expression; {hint}",
        shorten(tag.text)
    ))
}

fn shorten(text: &str) -> String {
    const SHOWN: usize = 80;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start}...")
}

fn elements(template: &Template, around: Position) -> Result<Vec<Element>, Fault> {
    let mut elements = Vec::with_capacity(template.elements.len());
    for (index, element) in template.elements.iter().enumerate() {
        let at = template
            .mapping
            .get(index)
            .map_or(around, |place| Position {
                line: place.0,
                column: place.1,
            });
        match element {
            TemplateElement::RawString(text) => elements.push(Element::Text(text.clone())),
            TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => elements
                .push(Element::Print {
                    value: tag_value(tag, at)?,
                    at,
                }),
            TemplateElement::HelperBlock(tag) => block(tag, at, &mut elements)?,
            TemplateElement::Comment(_) => {}
            _ => {
                return Err(
                    at.fault("partials and decorators are not supported; write the text out")
                );
            }
        }
    }
    Ok(elements)
}

fn block(tag: &HelperTemplate, at: Position, elements: &mut Vec<Element>) -> Result<(), Fault> {
    let name = tag.name.as_name().unwrap_or_default();
    if name == "raw" {
        if let Some(body) = &tag.template {
            elements.extend(self::elements(body, at)?);
        }
        return Ok(());
    }
    let Some(kind) = BlockKind::named(name) else {
        if Helper::named(name).is_some() {
            return Err(at.fault(format!(
                    "`{name}` is not a block: write `{{{{{name} ...}}}}`, or `{{{{#if ({name} ...)}}}}` for a test"
                ),
            ));
        }
        return Err(at.fault(format!(
            "unknown block helper `{name}`{}",
            known_names(name, ["if", "unless", "each", "with", "raw"])
        )));
    };
    no_hash(tag, name, at)?;
    let [subject] = tag.params.as_slice() else {
        return Err(at.fault(format!(
            "`{{{{#{name}}}}}` takes one argument and got {}",
            tag.params.len()
        )));
    };
    let params = match &tag.block_param {
        None => Vec::new(),
        Some(BlockParam::Single(only)) => names(&[only]),
        Some(BlockParam::Pair((first, second))) => names(&[first, second]),
        Some(_) => return Err(at.fault("names after `as` cannot be read")),
    };
    let most = match kind {
        BlockKind::Each => 2,
        BlockKind::With => 1,
        BlockKind::If | BlockKind::Unless => 0,
    };
    if params.len() > most {
        return Err(at.fault(format!(
            "`{{{{#{name}}}}}` gives at most {most} names after `as`"
        )));
    }
    let part = |part: &Option<Template>| {
        part.as_ref()
            .map_or(Ok(Vec::new()), |part| self::elements(part, at))
    };
    elements.push(Element::Block(Block {
        kind,
        subject: parameter(subject, at)?,
        params,
        body: part(&tag.template)?,
        inverse: part(&tag.inverse)?,
        at,
    }));
    Ok(())
}

fn names(params: &[&Parameter]) -> Vec<String> {
    params
        .iter()
        .filter_map(|param| param.as_name().map(ToOwned::to_owned))
        .collect()
}

/// The value of `{{...}}` or `(...)`.
fn tag_value(tag: &HelperTemplate, at: Position) -> Result<Expression, Fault> {
    if tag.params.is_empty() && tag.hash.is_empty() {
        return parameter(&tag.name, at);
    }
    let Some(name) = tag.name.as_name() else {
        return Err(at.fault("a helper's name cannot be computed"));
    };
    let Some(helper) = Helper::named(name) else {
        if BlockKind::named(name).is_some() || name == "raw" {
            return Err(at.fault(format!(
                "`{name}` opens a block: write `{{{{#{name} ...}}}} ... {{{{/{name}}}}}`"
            )));
        }
        return Err(at.fault(format!(
            "unknown helper `{name}`{}",
            known_names(name, NAMES)
        )));
    };
    let pretty = if helper == Helper::Json {
        pretty(tag, at)?
    } else {
        no_hash(tag, name, at)?;
        false
    };
    let (fewest, most) = helper.arguments();
    let count = tag.params.len();
    if count < fewest || count > most {
        let wanted = match (fewest, most) {
            (1, 1) => "one argument".to_owned(),
            (fewest, most) if fewest == most => format!("{fewest} arguments"),
            (fewest, _) => format!("at least {fewest} arguments"),
        };
        return Err(at.fault(format!("`{name}` takes {wanted} and got {count}")));
    }
    let arguments = tag
        .params
        .iter()
        .map(|argument| parameter(argument, at))
        .collect::<Result<_, _>>()?;
    Ok(Expression::Call(Call {
        helper,
        arguments,
        pretty,
    }))
}

fn parameter(parameter: &Parameter, at: Position) -> Result<Expression, Fault> {
    match parameter {
        Parameter::Name(name) => Ok(Expression::Path(Path::read(name))),
        Parameter::Path(path) => {
            let text = match path {
                handlebars::Path::Relative((_, text)) | handlebars::Path::Local((_, _, text)) => {
                    text
                }
            };
            Ok(Expression::Path(Path::read(text)))
        }
        Parameter::Literal(value) => Ok(Expression::Literal(value.clone())),
        Parameter::Subexpression(inner) => match inner.as_element() {
            TemplateElement::Expression(tag) => tag_value(tag, at),
            _ => Err(at.fault("not an expression")),
        },
        _ => Err(at.fault("not an expression")),
    }
}

fn pretty(tag: &HelperTemplate, at: Position) -> Result<bool, Fault> {
    let mut pretty = false;
    for (key, value) in &tag.hash {
        match (key.as_str(), value) {
            ("pretty", Parameter::Literal(serde_json::Value::Bool(wanted))) => pretty = *wanted,
            ("pretty", _) => return Err(at.fault("`pretty` of `json` is true or false")),
            (other, _) => {
                return Err(at.fault(format!("`json` has no option `{other}`; known: pretty")));
            }
        }
    }
    Ok(pretty)
}

fn no_hash(tag: &HelperTemplate, name: &str, at: Position) -> Result<(), Fault> {
    match tag.hash.keys().min() {
        Some(key) => Err(at.fault(format!("`{name}` has no option `{key}`"))),
        None => Ok(()),
    }
}
