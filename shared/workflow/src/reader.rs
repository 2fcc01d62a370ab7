//! Reads an object field by field and keeps every fault it meets.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use steps_problem::{Fault, did_you_mean};
use steps_template::{Template, kind};

/// An object being read.
pub(crate) struct Reader<'a> {
    path: String,
    fields: &'a Map<String, Value>,
    asked: Vec<&'static str>,
    templates: Vec<(String, Template)>,
    template_faults: Vec<Fault>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        path: impl Into<String>,
        fields: &'a Map<String, Value>,
        faults: &'a mut Vec<Fault>,
    ) -> Self {
        Self {
            path: path.into(),
            fields,
            asked: Vec::new(),
            templates: Vec::new(),
            template_faults: Vec::new(),
            faults,
        }
    }

    /// The path of a field of this object.
    pub(crate) fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else if field.is_empty() {
            self.path.clone()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// Adds a fault at a field, or at the object itself for the empty name.
    pub(crate) fn fault(&mut self, field: &str, message: impl Into<String>) {
        let path = self.path_of(field);
        self.faults.push(Fault::at(path, message));
    }

    pub(crate) fn faults(&mut self) -> &mut Vec<Fault> {
        self.faults
    }

    /// The field as it is; null counts as left out.
    pub(crate) fn get(&mut self, field: &'static str) -> Option<&'a Value> {
        self.asked.push(field);
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn expected(&mut self, field: &str, wanted: &str, value: &Value) {
        self.fault(field, format!("must be {wanted}, not {}", kind(value)));
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Option<&'a str> {
        match self.get(field)? {
            Value::String(text) => Some(text),
            other => {
                self.expected(field, "a text", other);
                None
            }
        }
    }

    /// A text that must be there and not be blank.
    pub(crate) fn required_text(&mut self, field: &'static str) -> Option<&'a str> {
        let given = self.get(field).is_some();
        self.asked.pop();
        let text = self.text(field);
        match text {
            None if !given => self.fault(field, format!("`{field}` is required")),
            Some(text) if text.trim().is_empty() => {
                self.fault(field, "must not be empty");
                return None;
            }
            _ => {}
        }
        text
    }

    /// A template. Its path is kept for [`finish`](Self::finish), and so is its fault.
    pub(crate) fn template(&mut self, field: &'static str) -> Option<Template> {
        let text = self.text(field)?;
        self.parse_template(field, text)
    }

    /// A template that must be there and not be blank.
    pub(crate) fn required_template(&mut self, field: &'static str) -> Option<Template> {
        let text = self.required_text(field)?;
        self.parse_template(field, text)
    }

    fn parse_template(&mut self, field: &str, text: &str) -> Option<Template> {
        let path = self.path_of(field);
        match Template::parse(text) {
            Ok(template) => {
                self.templates.push((path, template.clone()));
                Some(template)
            }
            Err(fault) => {
                self.template_faults.push(Fault { path, ..fault });
                None
            }
        }
    }

    /// A text of limited length, in characters.
    pub(crate) fn short_text(&mut self, field: &'static str, most: usize) -> Option<String> {
        let text = self.text(field)?;
        let length = text.chars().count();
        if length > most {
            self.fault(
                field,
                format!("has {length} characters; the most is {most}"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    pub(crate) fn texts(&mut self, field: &'static str) -> Option<Vec<String>> {
        match self.get(field)? {
            Value::Array(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    match item {
                        Value::String(text) => texts.push(text.clone()),
                        other => self.expected(&format!("{field}[{index}]"), "a text", other),
                    }
                }
                Some(texts)
            }
            other => {
                self.expected(field, "a list of texts", other);
                None
            }
        }
    }

    /// A whole number in `range`.
    pub(crate) fn whole(&mut self, field: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(field)?;
        let (least, most) = (*range.start(), *range.end());
        let number = value.as_i64().or_else(|| {
            // 5.0 is whole too.
            value
                .as_f64()
                .filter(|number| number.fract() == 0.0 && number.abs() < 9e15)
                .map(|number| number as i64)
        });
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ if value.is_number() => {
                let bounds = match (least, most) {
                    (i64::MIN, i64::MAX) => String::new(),
                    (least, most) if most >= i64::from(u32::MAX) => format!(" of at least {least}"),
                    (least, most) => format!(" from {least} to {most}"),
                };
                self.fault(
                    field,
                    format!("must be a whole number{bounds}, not {value}"),
                );
                None
            }
            _ => {
                self.expected(field, "a whole number", value);
                None
            }
        }
    }

    /// A number in `range`.
    pub(crate) fn number(
        &mut self,
        field: &'static str,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let value = self.get(field)?;
        match value.as_f64() {
            Some(number) if range.contains(&number) => Some(number),
            Some(number) => {
                self.fault(
                    field,
                    format!(
                        "must be from {} to {}, not {number}",
                        range.start(),
                        range.end()
                    ),
                );
                None
            }
            None => {
                self.expected(field, "a number", value);
                None
            }
        }
    }

    pub(crate) fn object(&mut self, field: &'static str) -> Option<&'a Map<String, Value>> {
        match self.get(field)? {
            Value::Object(fields) => Some(fields),
            other => {
                self.expected(field, "an object", other);
                None
            }
        }
    }

    pub(crate) fn list(&mut self, field: &'static str) -> Option<&'a [Value]> {
        match self.get(field)? {
            Value::Array(items) => Some(items),
            other => {
                self.expected(field, "a list", other);
                None
            }
        }
    }

    /// Refuses every field that was never asked for, then every template that could not be parsed. Gives the paths
    /// and templates that could be.
    pub(crate) fn finish(mut self) -> Vec<(String, Template)> {
        let unknown: Vec<String> = self
            .fields
            .keys()
            .filter(|key| !self.asked.contains(&key.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            let meant = did_you_mean(&key, self.asked.iter().copied());
            let message = if meant.is_empty() {
                let mut known = self.asked.clone();
                known.sort_unstable();
                format!("unknown field `{key}`; known: {}", known.join(", "))
            } else {
                format!("unknown field `{key}`{meant}")
            };
            self.fault(&key, message);
        }
        self.faults.append(&mut self.template_faults);
        self.templates
    }
}
