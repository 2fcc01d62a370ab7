//! A template. It is read once; then it gives its names and its least length, and is rendered.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use steps_problem::Fault;

use crate::error::RenderError;
use crate::names::{self, Names};
use crate::tree::{self, Element};
use crate::{render, syntax};

/// A template. A copy is cheap: copies share one tree.
///
/// In serde it is its text. A template that is deserialized is parsed when it is first used, so a function that works on
/// one node of a stored document does not parse the templates of the other nodes. Two templates are equal where
/// their texts are. The default is the empty text.
#[derive(Clone, Default)]
pub struct Template(Arc<Text>);

#[derive(Default)]
struct Text {
    text: String,
    parsed: OnceLock<Result<Parsed, Fault>>,
}

struct Parsed {
    elements: Vec<Element>,
    names: Names,
}

fn read(text: &str) -> Result<Parsed, Fault> {
    let elements = syntax::read(text)?;
    let names = names::of(&elements)?;
    Ok(Parsed { elements, names })
}

/// The names of a text that is no template: none.
static NO_NAMES: Names = Names {
    references: Vec::new(),
};

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first fault of the template, mostly with line and column; its `path` is empty.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let parsed = read(text)?;
        Ok(Self(Arc::new(Text {
            text: text.to_owned(),
            parsed: OnceLock::from(Ok(parsed)),
        })))
    }

    fn parsed(&self) -> Result<&Parsed, &Fault> {
        self.0.parsed.get_or_init(|| read(&self.0.text)).as_ref()
    }

    /// Whether it can be parsed.
    ///
    /// # Errors
    /// The fault of one that was read back and cannot, mostly with line and column; its `path` is empty.
    pub fn check(&self) -> Result<(), &Fault> {
        self.parsed().map(|_| ())
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The names that it reads from its context; none where it was deserialized and cannot be parsed.
    #[must_use]
    pub fn names(&self) -> &Names {
        self.parsed().map_or(&NO_NAMES, |parsed| &parsed.names)
    }

    /// Whether what it renders depends on its context; `false` where it was deserialized and cannot be parsed.
    #[must_use]
    pub fn has_tags(&self) -> bool {
        let is_text = |element: &Element| matches!(element, Element::Text(_));
        self.parsed()
            .is_ok_and(|parsed| !parsed.elements.iter().all(is_text))
    }

    /// The least number of characters that any rendering has: the text outside of tags, and of alternatives the shorter
    /// one.
    #[must_use]
    pub fn least_chars(&self) -> usize {
        self.parsed()
            .map_or(0, |parsed| tree::least_chars(&parsed.elements))
    }

    /// Renders it with `context`, an object. Values are inserted as they are: what looks like a template inside one
    /// stays text.
    ///
    /// `known` lists root names that exist in the workflow; a missing variable's error names them beside the
    /// context's.
    ///
    /// # Errors
    /// [`RenderError`]: a missing variable, a value of a kind that a helper cannot use, a result past the limits, or a
    /// template that was read back and cannot be parsed.
    pub fn render(&self, context: &Value, known: &[&str]) -> Result<String, RenderError> {
        let parsed = self.parsed().map_err(Clone::clone)?;
        render::run(&parsed.elements, context, known)
    }
}

/// A text of the format `template`.
impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "template"})
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
        Ok(Self(Arc::new(Text {
            text,
            parsed: OnceLock::new(),
        })))
    }
}
