//! Reads JSON or YAML text as a value. Refuses some things that JSON and YAML readers accept.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use steps_problem::Fault;
use steps_template::kind;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// The longest document.
const MAX_BYTES: usize = 1024 * 1024;
/// The most values and bytes of text it may hold once YAML's aliases are written out.
const MAX_VALUES: usize = 100_000;
const MAX_TEXT: usize = 4 * MAX_BYTES;

/// Reads the text as an object; duplicate keys, aliases that multiply and other documents are faults.
pub(crate) fn object(text: &str, format: Format) -> Result<Map<String, Value>, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::at(
            "",
            format!(
                "the document has {} bytes; the most is {MAX_BYTES}",
                text.len()
            ),
        ));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Fault::at("", "the document is empty"));
    }
    let budget = Budget {
        values: Cell::new(MAX_VALUES),
        text: Cell::new(MAX_TEXT),
    };
    let value = match format {
        Format::Json => json(text, &budget)?,
        Format::Yaml => yaml(text, &budget)?,
    };
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(Fault::at(
            "",
            format!(
                "the document must be an object with `name` and `nodes`, not {}",
                kind(&other)
            ),
        )),
    }
}

fn json(text: &str, budget: &Budget) -> Result<Value, Fault> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Strict(budget)
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        let message = error.to_string();
        let message = message
            .split_once(" at line ")
            .map_or(message.as_str(), |(before, _)| before);
        placed("JSON", message, error.line(), error.column())
    })
}

fn yaml(text: &str, budget: &Budget) -> Result<Value, Fault> {
    let read = Strict(budget).deserialize(yaml_serde::Deserializer::from_str(text));
    read.map_err(|error| {
        let (line, column) = error
            .location()
            .map_or((0, 0), |place| (place.line(), place.column()));
        let indented_by_tab = line
            .checked_sub(1)
            .and_then(|index| text.lines().nth(index))
            .is_some_and(|line| {
                line.chars()
                    .take_while(|character| character.is_whitespace())
                    .any(|character| character == '\t')
            });
        if indented_by_tab {
            return placed(
                "YAML",
                "a tab cannot indent a line; use spaces",
                line,
                column,
            );
        }
        let message = error.to_string();
        let message = match message.find(" at line ") {
            Some(index) => message.get(..index).unwrap_or(&message),
            None => &message,
        };
        placed("YAML", message, line, column)
    })
}

fn placed(language: &str, message: &str, line: usize, column: usize) -> Fault {
    Fault {
        line: (line > 0).then_some(line),
        column: (line > 0).then_some(column.max(1)),
        ..Fault::at("", format!("not valid {language}: {message}"))
    }
}

struct Budget {
    values: Cell<usize>,
    text: Cell<usize>,
}

impl Budget {
    fn spend<E: Error>(&self, text: usize) -> Result<(), E> {
        match (
            self.values.get().checked_sub(1),
            self.text.get().checked_sub(text),
        ) {
            (Some(values), Some(text)) => {
                self.values.set(values);
                self.text.set(text);
                Ok(())
            }
            _ => Err(E::custom(
                "the document holds too many values; aliases that repeat large parts count each time",
            )),
        }
    }
}

#[derive(Clone, Copy)]
struct Strict<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("plain JSON values")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.0.spend(0)?;
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.0.spend(0)?;
        serde_json::Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("infinity and NaN are not numbers here"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.0.spend(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.spend(0)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.spend(0)?;
        let mut fields = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.0.spend(key.len())?;
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            let value = entries.next_value_seed(self)?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}
