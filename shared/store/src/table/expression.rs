//! The names and values of an expression: each attribute is `#name` in its text, each value `:v0`, `:v1`...

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::Error;
use crate::table::item::Step;

/// Names and values, gathered while the text of one or more expressions of a request is written.
#[derive(Debug, Default)]
pub(crate) struct Expression {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    unwritable: Option<Error>,
}

impl Expression {
    /// The place as the text has it, such as `#attempts[2].#costUsd`. An attribute's name has letters and digits only.
    pub(crate) fn name(&mut self, steps: &[Step]) -> String {
        let mut text = String::new();
        for step in steps {
            match step {
                Step::Field(name) => {
                    let placeholder = format!("#{name}");
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(&placeholder);
                    self.names.insert(placeholder, name.clone().into_owned());
                }
                Step::Element(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }

    /// The value as the text has it. One that could not be written is told by [`Expression::parts`].
    pub(crate) fn value(&mut self, value: Result<AttributeValue, Error>) -> String {
        let placeholder = format!(":v{}", self.values.len());
        match value {
            Ok(value) => {
                self.values.insert(placeholder.clone(), value);
            }
            Err(error) => self.unwritable = Some(error),
        }
        placeholder
    }

    /// The names and the values; `None` for those that no expression needs, as DynamoDB wants it.
    pub(crate) fn parts(self) -> Result<(Option<Names>, Option<Values>), Error> {
        match self.unwritable {
            Some(error) => Err(error),
            None => Ok((
                Some(self.names).filter(|names| !names.is_empty()),
                Some(self.values).filter(|values| !values.is_empty()),
            )),
        }
    }
}

/// Attribute names by their placeholders.
pub(crate) type Names = HashMap<String, String>;

/// Values by their placeholders.
pub(crate) type Values = HashMap<String, AttributeValue>;
