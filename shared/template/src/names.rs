//! The names that a template reads from its context, found without rendering it.

use std::collections::BTreeSet;

use steps_problem::{Fault, known_names};

use crate::helper::Helper;
use crate::tree::{Block, BlockKind, Element, Expression, Path, Position, Start};

/// What a template reads of its context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// In the order they stand.
    pub references: Vec<Reference>,
}

/// One place that reads a root name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name at the context's root: a node's variable or a field of the trigger's input.
    pub root: String,
    /// The field of it that is read, where the template says which.
    pub field: Option<String>,
    /// Line in the template, from 1.
    pub line: usize,
    /// Column of the tag, from 1.
    pub column: usize,
}

impl Names {
    /// The root names that are read, each once: node variables and fields of the trigger's input.
    #[must_use]
    pub fn roots(&self) -> BTreeSet<&str> {
        self.references
            .iter()
            .map(|reference| reference.root.as_str())
            .collect()
    }
}

/// Where a value comes from: the steps from the root (`None`: any item), or unknown.
type Place = Option<Vec<Option<String>>>;

struct Scope<'a> {
    place: Place,
    each: bool,
    params: Vec<(&'a str, Place)>,
}

pub(crate) fn of(elements: &[Element]) -> Result<Names, Fault> {
    let mut walk = Walk {
        names: Names::default(),
        scopes: vec![Scope {
            place: Some(Vec::new()),
            each: false,
            params: Vec::new(),
        }],
    };
    walk.elements(elements)?;
    Ok(walk.names)
}

struct Walk<'a> {
    names: Names,
    scopes: Vec<Scope<'a>>,
}

impl<'a> Walk<'a> {
    fn elements(&mut self, elements: &'a [Element]) -> Result<(), Fault> {
        for element in elements {
            match element {
                Element::Text(_) => {}
                Element::Print { value, at } => {
                    self.expression(value, *at)?;
                }
                Element::Block(block) => self.block(block)?,
            }
        }
        Ok(())
    }

    fn block(&mut self, block: &'a Block) -> Result<(), Fault> {
        let subject = self.expression(&block.subject, block.at)?;
        if block.kind.opens_scope() {
            let each = block.kind == BlockKind::Each;
            let place = match subject {
                Some(mut steps) if each => {
                    steps.push(None);
                    Some(steps)
                }
                place => place,
            };
            let params = block
                .params
                .iter()
                .enumerate()
                .map(|(index, name)| (name.as_str(), if index == 0 { place.clone() } else { None }))
                .collect();
            self.scopes.push(Scope {
                place,
                each,
                params,
            });
            self.elements(&block.body)?;
            self.scopes.pop();
        } else {
            self.elements(&block.body)?;
        }
        self.elements(&block.inverse)
    }

    fn expression(&mut self, expression: &'a Expression, at: Position) -> Result<Place, Fault> {
        match expression {
            Expression::Literal(_) => Ok(None),
            Expression::Path(path) => {
                let place = self.path(path, at)?;
                self.record(place.as_ref(), at);
                Ok(place)
            }
            Expression::Call(call) => {
                let mut places = Vec::with_capacity(call.arguments.len());
                for argument in &call.arguments {
                    places.push(self.expression(argument, at)?);
                }
                if call.helper != Helper::Lookup {
                    return Ok(None);
                }
                let key = match call.arguments.get(1) {
                    Some(Expression::Literal(serde_json::Value::String(key))) => Some(key.clone()),
                    Some(Expression::Literal(other)) => Some(other.to_string()),
                    _ => None,
                };
                let Some(Some(mut steps)) = places.into_iter().next() else {
                    return Ok(None);
                };
                if steps.is_empty() && key.is_none() {
                    return Err(at.fault(
                        "`lookup` at the root needs its name written out, so that it is known what this node depends \
                         on",
                    ));
                }
                steps.push(key);
                self.record(Some(&steps), at);
                Ok(Some(steps))
            }
        }
    }

    fn path(&self, path: &Path, at: Position) -> Result<Place, Fault> {
        let Some(level) = (self.scopes.len() - 1).checked_sub(path.up) else {
            return Err(at.fault(format!("`{}` climbs above the root", path.text)));
        };
        match path.start {
            Start::Local => {
                let name = path
                    .segments
                    .first()
                    .map(String::as_str)
                    .unwrap_or_default();
                if !["index", "key", "first", "last"].contains(&name) || path.segments.len() != 1 {
                    return Err(at.fault(format!(
                        "unknown `@{name}`{}",
                        known_names(
                            &format!("@{name}"),
                            ["@index", "@key", "@first", "@last", "@root"]
                        )
                    )));
                }
                if !self.scopes.get(level).is_some_and(|scope| scope.each) {
                    return Err(at.fault(format!(
                        "`{}` has a value only directly inside `{{{{#each}}}}`",
                        path.text
                    )));
                }
                Ok(None)
            }
            Start::Root => Ok(extend(&Some(Vec::new()), &path.segments)),
            Start::This => Ok(self
                .scopes
                .get(level)
                .and_then(|scope| extend(&scope.place, &path.segments))),
            Start::Here => {
                if let (0, Some((first, rest))) = (path.up, path.segments.split_first()) {
                    let param = self
                        .scopes
                        .iter()
                        .rev()
                        .flat_map(|scope| &scope.params)
                        .find(|(name, _)| name == first);
                    if let Some((_, place)) = param {
                        return Ok(extend(place, rest));
                    }
                }
                Ok(self
                    .scopes
                    .get(level)
                    .and_then(|scope| extend(&scope.place, &path.segments)))
            }
        }
    }

    fn record(&mut self, place: Option<&Vec<Option<String>>>, at: Position) {
        let Some([Some(root), rest @ ..]) = place.map(Vec::as_slice) else {
            return;
        };
        self.names.references.push(Reference {
            root: root.clone(),
            field: rest.first().cloned().flatten(),
            line: at.line,
            column: at.column,
        });
    }
}

fn extend(place: &Place, segments: &[String]) -> Place {
    let mut steps = place.clone()?;
    steps.extend(segments.iter().cloned().map(Some));
    Some(steps)
}
