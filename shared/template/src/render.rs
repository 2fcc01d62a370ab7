//! Evaluates a template's tree with a context.

use std::borrow::Cow;

use serde_json::Value;
use steps_problem::{NAME, PATH, nearest, short};

use crate::error::RenderError;
use crate::helper::Helper;
use crate::tree::{Block, BlockKind, Call, Element, Expression, Path, Position, Start};
use crate::value::{is_true, kind, order, push, same};

/// The longest text a template may give.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The most elements a template may evaluate; loops inside loops reach it.
const MAX_STEPS: usize = 5_000_000;
/// So many bytes that a helper writes or compares count as one element more.
const BYTES_PER_STEP: usize = 16;

pub(crate) fn run(
    elements: &[Element],
    context: &Value,
    known: &[&str],
) -> Result<String, RenderError> {
    let mut run = Run {
        known,
        output: String::new(),
        steps: 0,
        scopes: vec![Scope {
            this: Cow::Borrowed(context),
            shown: String::new(),
            item: None,
            params: Vec::new(),
        }],
    };
    run.elements(elements)?;
    Ok(run.output)
}

struct Run<'a> {
    known: &'a [&'a str],
    output: String,
    steps: usize,
    scopes: Vec<Scope<'a>>,
}

struct Scope<'a> {
    this: Cow<'a, Value>,
    /// Its path, for messages.
    shown: String,
    item: Option<Item>,
    params: Vec<(&'a str, Cow<'a, Value>, String)>,
}

/// Where a loop is.
struct Item {
    index: usize,
    key: Option<String>,
    last: bool,
}

enum Found<'a> {
    Value(Cow<'a, Value>, String),
    Missing(Missing<'a>),
}

/// The name that was looked for, and the place where it is missing.
struct Missing<'a> {
    path: String,
    name: String,
    place: Cow<'a, Value>,
    at_root: bool,
}

impl<'a> Found<'a> {
    fn constant(value: impl Into<Value>) -> Self {
        Self::Value(Cow::Owned(value.into()), String::new())
    }

    fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value, _) => Some(value),
            Self::Missing(_) => None,
        }
    }

    fn is_true(&self) -> bool {
        self.value().is_some_and(is_true)
    }
}

impl<'a> Run<'a> {
    fn elements(&mut self, elements: &'a [Element]) -> Result<(), RenderError> {
        for element in elements {
            self.steps += 1;
            match element {
                Element::Text(text) => self.output.push_str(text),
                Element::Print { value, at } => {
                    let found = self.expression(value, *at)?;
                    let (value, _) = self.present(found, *at)?;
                    push(&mut self.output, &value);
                }
                Element::Block(block) => self.block(block)?,
            }
            self.spend(0)?;
        }
        Ok(())
    }

    /// Counts the bytes that a helper went through, and ends a template that does too much.
    fn spend(&mut self, bytes: usize) -> Result<(), RenderError> {
        self.steps += bytes / BYTES_PER_STEP;
        if self.steps > MAX_STEPS || self.output.len() > MAX_BYTES {
            return Err(RenderError::TooLarge {
                limit_bytes: MAX_BYTES,
                limit_steps: MAX_STEPS,
            });
        }
        Ok(())
    }

    fn block(&mut self, block: &'a Block) -> Result<(), RenderError> {
        let found = self.expression(&block.subject, block.at)?;
        match block.kind {
            BlockKind::If if found.is_true() => self.elements(&block.body),
            BlockKind::Unless if !found.is_true() => self.elements(&block.body),
            BlockKind::If | BlockKind::Unless => self.elements(&block.inverse),
            BlockKind::With => match found {
                Found::Value(value, shown) if is_true(&value) => {
                    let params = block
                        .params
                        .iter()
                        .map(|name| (name.as_str(), value.clone(), shown.clone()))
                        .collect();
                    self.scopes.push(Scope {
                        this: value,
                        shown,
                        item: None,
                        params,
                    });
                    self.elements(&block.body)?;
                    self.scopes.pop();
                    Ok(())
                }
                _ => self.elements(&block.inverse),
            },
            BlockKind::Each => self.each(block, found),
        }
    }

    fn each(&mut self, block: &'a Block, found: Found<'a>) -> Result<(), RenderError> {
        let Found::Value(list, shown) = found else {
            return self.elements(&block.inverse);
        };
        if list.is_null() {
            return self.elements(&block.inverse);
        }
        let Some(items) = children(&list) else {
            return Err(block
                .at
                .fault(format!(
                    "`{{{{#each}}}}` needs a list or an object, and `{shown}` is {}",
                    kind(&list)
                ))
                .into());
        };
        if items.is_empty() {
            return self.elements(&block.inverse);
        }
        let count = items.len();
        for (index, (key, value)) in items.into_iter().enumerate() {
            let shown = match &key {
                Some(key) => join(&shown, key),
                None => format!("{shown}[{index}]"),
            };
            let mut params = Vec::with_capacity(block.params.len());
            if let Some(name) = block.params.first() {
                params.push((name.as_str(), value.clone(), shown.clone()));
            }
            if let Some(name) = block.params.get(1) {
                let position = key.clone().map_or_else(|| Value::from(index), Value::from);
                params.push((name.as_str(), Cow::Owned(position), name.clone()));
            }
            self.scopes.push(Scope {
                this: value,
                shown,
                item: Some(Item {
                    index,
                    key,
                    last: index + 1 == count,
                }),
                params,
            });
            self.elements(&block.body)?;
            self.scopes.pop();
        }
        Ok(())
    }

    fn expression(
        &mut self,
        expression: &'a Expression,
        at: Position,
    ) -> Result<Found<'a>, RenderError> {
        self.steps += 1;
        match expression {
            Expression::Literal(value) => Ok(Found::Value(Cow::Borrowed(value), value.to_string())),
            Expression::Path(path) => Ok(self.path(path)),
            Expression::Call(call) => self.call(call, at),
        }
    }

    fn call(&mut self, call: &'a Call, at: Position) -> Result<Found<'a>, RenderError> {
        let mut arguments = call.arguments.iter();
        let mut next = |run: &mut Self| match arguments.next() {
            Some(argument) => run.expression(argument, at),
            None => Ok(Found::constant(Value::Null)),
        };
        match call.helper {
            Helper::Json => {
                let found = next(self)?;
                let (value, _) = self.present(found, at)?;
                let json = if call.pretty {
                    format!("{value:#}")
                } else {
                    value.to_string()
                };
                self.spend(json.len())?;
                Ok(Found::constant(json))
            }
            Helper::Len => {
                let found = next(self)?;
                let (value, shown) = self.present(found, at)?;
                length(&value).map(Found::constant).ok_or_else(|| {
                    at.fault(format!(
                        "`len` counts a list, an object or a text, and `{shown}` is {}",
                        kind(&value)
                    ))
                    .into()
                })
            }
            Helper::Default => {
                let mut found = next(self)?;
                for argument in call.arguments.iter().skip(1) {
                    let empty = match found.value() {
                        None | Some(Value::Null) => true,
                        Some(Value::String(text)) => text.is_empty(),
                        Some(_) => false,
                    };
                    if !empty {
                        break;
                    }
                    found = self.expression(argument, at)?;
                }
                Ok(found)
            }
            Helper::Lookup => {
                let container = next(self)?;
                let found = next(self)?;
                let (key, _) = self.present(found, at)?;
                match container {
                    Found::Missing(_) => Ok(container),
                    Found::Value(place, shown) => {
                        let mut name = String::new();
                        push(&mut name, &key);
                        // Only the root is an object without a path.
                        let at_root = shown.is_empty() && place.is_object();
                        Ok(step(place, shown, &name, at_root))
                    }
                }
            }
            Helper::Not => Ok(Found::constant(!next(self)?.is_true())),
            Helper::And | Helper::Or => {
                let all = call.helper == Helper::And;
                for argument in &call.arguments {
                    if self.expression(argument, at)?.is_true() != all {
                        return Ok(Found::constant(!all));
                    }
                }
                Ok(Found::constant(all))
            }
            Helper::Eq | Helper::Ne | Helper::Gt | Helper::Gte | Helper::Lt | Helper::Lte => {
                let (left, right) = (next(self)?, next(self)?);
                let left = left.value().unwrap_or(&Value::Null);
                let right = right.value().unwrap_or(&Value::Null);
                self.spend(compared(left, right))?;
                let order = order(left, right);
                Ok(Found::constant(match call.helper {
                    Helper::Eq => same(left, right),
                    Helper::Ne => !same(left, right),
                    Helper::Gt => order.is_some_and(std::cmp::Ordering::is_gt),
                    Helper::Gte => order.is_some_and(std::cmp::Ordering::is_ge),
                    Helper::Lt => order.is_some_and(std::cmp::Ordering::is_lt),
                    _ => order.is_some_and(std::cmp::Ordering::is_le),
                }))
            }
        }
    }

    fn path(&self, path: &'a Path) -> Found<'a> {
        let level = match path.start {
            Start::Root => 0,
            _ => (self.scopes.len() - 1).saturating_sub(path.up),
        };
        let Some(scope) = self.scopes.get(level) else {
            return Found::constant(Value::Null);
        };
        if path.start == Start::Local {
            return local(scope, path);
        }
        if let (Start::Here, 0, Some((first, rest))) =
            (path.start, path.up, path.segments.split_first())
        {
            let param = self
                .scopes
                .iter()
                .rev()
                .flat_map(|scope| &scope.params)
                .find(|(name, ..)| name == first);
            if let Some((_, value, shown)) = param {
                return walk(value.clone(), shown.clone(), rest, false);
            }
        }
        walk(
            scope.this.clone(),
            scope.shown.clone(),
            &path.segments,
            level == 0,
        )
    }

    /// The value, or the error that it is missing.
    fn present(
        &self,
        found: Found<'a>,
        at: Position,
    ) -> Result<(Cow<'a, Value>, String), RenderError> {
        let missing = match found {
            Found::Value(value, shown) => return Ok((value, shown)),
            Found::Missing(missing) => missing,
        };
        let mut names: Vec<String> = match &*missing.place {
            Value::Object(fields) => fields.keys().cloned().collect(),
            _ => Vec::new(),
        };
        if missing.at_root {
            names.extend(self.known.iter().map(|&name| name.to_owned()));
        }
        names.sort_unstable();
        names.dedup();
        let root_has = |name: &str| {
            self.scopes
                .first()
                .is_some_and(|root| root.this.get(name).is_some())
        };
        let suggestion = if !missing.at_root && self.scopes.len() > 1 && root_has(&missing.name) {
            // The most common mistake: inside a loop a bare name means a field of the item.
            Some(format!("@root.{}", missing.name))
        } else {
            nearest(&missing.name, names.iter().map(String::as_str)).map(ToOwned::to_owned)
        };
        let place_kind = match &*missing.place {
            Value::Object(_) => None,
            other => Some(kind(other)),
        };
        // The sender of a run chooses the names in its input, and a `lookup` may use one of them: so they are cut.
        Err(RenderError::MissingVariable {
            path: short(&missing.path, PATH),
            line: at.line,
            column: at.column,
            names: names.iter().map(|name| short(name, NAME)).collect(),
            place_kind,
            suggestion: suggestion.map(|name| short(&name, NAME)),
        })
    }
}

fn local<'a>(scope: &Scope<'a>, path: &Path) -> Found<'a> {
    let name = path
        .segments
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let Some(item) = &scope.item else {
        return Found::constant(Value::Null);
    };
    Found::constant(match name {
        "index" => Value::from(item.index),
        "key" => item
            .key
            .clone()
            .map_or_else(|| Value::from(item.index), Value::from),
        "first" => Value::from(item.index == 0),
        "last" => Value::from(item.last),
        _ => Value::Null,
    })
}

fn walk<'a>(
    start: Cow<'a, Value>,
    shown: String,
    segments: &[String],
    mut at_root: bool,
) -> Found<'a> {
    let mut found = Found::Value(start, shown);
    for (index, name) in segments.iter().enumerate() {
        let Found::Value(place, shown) = found else {
            break;
        };
        found = step(place, shown, name, at_root);
        at_root = false;
        if let Found::Missing(missing) = &mut found {
            for later in segments.iter().skip(index + 1) {
                missing.path = join(&missing.path, later);
            }
            break;
        }
    }
    found
}

fn step<'a>(place: Cow<'a, Value>, shown: String, name: &str, at_root: bool) -> Found<'a> {
    let path = join(&shown, name);
    let child = match &place {
        Cow::Borrowed(value) => child(value, name).map(Cow::Borrowed),
        Cow::Owned(value) => child(value, name).map(|child| Cow::Owned(child.clone())),
    };
    if let Some(child) = child {
        return Found::Value(child, path);
    }
    if name == "length"
        && matches!(&*place, Value::Array(_) | Value::String(_))
        && let Some(length) = length(&place)
    {
        return Found::Value(Cow::Owned(Value::from(length)), path);
    }
    Found::Missing(Missing {
        path,
        name: name.to_owned(),
        place,
        at_root,
    })
}

fn child<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => name
            .parse::<usize>()
            .ok()
            .and_then(|index| items.get(index)),
        _ => None,
    }
}

type Children<'a> = Vec<(Option<String>, Cow<'a, Value>)>;

/// About how many bytes a comparison goes through.
fn compared(left: &Value, right: &Value) -> usize {
    match (left, right) {
        (Value::String(_), Value::String(_))
        | (Value::Array(_), Value::Array(_))
        | (Value::Object(_), Value::Object(_)) => weight(left) + weight(right),
        _ => 0,
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + BYTES_PER_STEP,
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| name.len() + weight(value));
            fields.sum::<usize>() + BYTES_PER_STEP
        }
        _ => BYTES_PER_STEP,
    }
}

fn children<'a>(value: &Cow<'a, Value>) -> Option<Children<'a>> {
    match value {
        Cow::Borrowed(Value::Array(items)) => Some(
            items
                .iter()
                .map(|item| (None, Cow::Borrowed(item)))
                .collect(),
        ),
        Cow::Borrowed(Value::Object(fields)) => Some(
            fields
                .iter()
                .map(|(key, value)| (Some(key.clone()), Cow::Borrowed(value)))
                .collect(),
        ),
        Cow::Owned(Value::Array(items)) => Some(
            items
                .iter()
                .map(|item| (None, Cow::Owned(item.clone())))
                .collect(),
        ),
        Cow::Owned(Value::Object(fields)) => Some(
            fields
                .iter()
                .map(|(key, value)| (Some(key.clone()), Cow::Owned(value.clone())))
                .collect(),
        ),
        _ => None,
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::Object(fields) => Some(fields.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
