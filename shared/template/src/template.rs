//! A template: read once, then asked for its names, its least length and its renderings.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use steps_problem::Fault;

use crate::error::{self, RenderError};
use crate::names::{self, Names};
use crate::tree::{self, Element};
use crate::{render, syntax};

/// A template that has been read. A copy is cheap: copies share one tree.
///
/// Its serde form is its text; reading it back parses it, and fails where [`parse`](Self::parse) fails. Two templates
/// are equal where their texts are. The default is the empty text.
#[derive(Clone, Default)]
pub struct Template(Arc<Parsed>);

#[derive(Default)]
struct Parsed {
    text: String,
    elements: Vec<Element>,
    names: Names,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first fault of the template, mostly with line and column; its `path` is empty.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let elements = syntax::read(text)?;
        let names = names::of(&elements)?;
        Ok(Self(Arc::new(Parsed {
            text: text.to_owned(),
            elements,
            names,
        })))
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// What it reads of its context.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.0.names
    }

    /// How many characters every rendering has, whatever the context: the text outside tags, of alternatives the
    /// shorter.
    #[must_use]
    pub fn least_chars(&self) -> usize {
        tree::least_chars(&self.0.elements)
    }

    /// Renders it with `context`, an object. Values are inserted as they are: what looks like a template inside one
    /// stays text.
    ///
    /// `known` lists root names that exist in the workflow; a missing variable's error names them beside the
    /// context's.
    ///
    /// # Errors
    /// [`RenderError`]: a missing variable, a value of a kind that a helper cannot use, or a result past the limits.
    pub fn render(&self, context: &Value, known: &[&str]) -> Result<String, RenderError> {
        render::run(&self.0.elements, context, known)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.0.text).finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Template {}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|fault| D::Error::custom(error::placed(&fault)))
    }
}
