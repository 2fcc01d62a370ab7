//! What a start sends, checked against the document: the input by the declared JSON Schema, and the callback address.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use steps_problem::{Fault, Problem};
use steps_template::kind;

use crate::callbacks;
use crate::document::Workflow;
use crate::path::join;

/// How many faults of one input are told.
const MAX_FAULTS: usize = 50;

/// What is wrong with a schema.
pub(crate) fn check_schema(schema: &Value) -> Result<(), Fault> {
    match jsonschema::validator_for(schema) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::at(
            join("input", error.instance_path().as_str()),
            format!("not a valid JSON Schema: {error}"),
        )),
    }
}

/// The properties that the schema names.
pub(crate) fn properties(schema: &Value) -> BTreeSet<&str> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// The same, if the schema allows no other properties.
pub(crate) fn closed_properties(schema: &Value) -> Option<BTreeSet<&str>> {
    const OPENERS: [&str; 10] = [
        "$ref",
        "$dynamicRef",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "patternProperties",
        "dependentSchemas",
        "dependencies",
        "unevaluatedProperties",
    ];
    schema.get("properties")?.as_object()?;
    let closed = matches!(
        schema.get("additionalProperties"),
        None | Some(Value::Bool(false))
    );
    (closed && OPENERS.iter().all(|key| schema.get(key).is_none())).then(|| properties(schema))
}

impl Workflow {
    /// Checks whether a run may start with this input, and be posted to this address once it has ended. `local`: whether
    /// the address may be on http://localhost.
    ///
    /// # Errors
    /// `InvalidInput`, `CallbackRefused`.
    pub fn check_start(
        &self,
        input: &Value,
        callback_url: Option<&str>,
        local: bool,
    ) -> Result<(), Problem> {
        if !input.is_object() {
            let message =
                "the input has to be a JSON object: its fields are the templates' variables";
            return Err(invalid_input(vec![Fault::at("input", message)]));
        }
        self.check_input(input).map_err(invalid_input)?;
        match callback_url {
            Some(url) => callbacks::check(self, url, local),
            None => Ok(()),
        }
    }

    /// Checks what a trigger sent against the declared input. Null counts as an empty object.
    ///
    /// # Errors
    /// Every fault with its path in the input.
    pub fn check_input(&self, input: &Value) -> Result<(), Vec<Fault>> {
        let empty = Value::Object(Map::new());
        let input = if input.is_null() { &empty } else { input };
        if !input.is_object() {
            let message = format!("the input must be an object, not {}", kind(input));
            return Err(vec![Fault::at("", message)]);
        }
        let Some(schema) = &self.input else {
            return Ok(());
        };
        let validator = match jsonschema::validator_for(schema) {
            Ok(validator) => validator,
            Err(_) => return check_schema(schema).map_err(|fault| vec![fault]),
        };
        let faults: Vec<Fault> = validator
            .iter_errors(input)
            .take(MAX_FAULTS)
            .map(|error| Fault::at(join("", error.instance_path().as_str()), error.to_string()))
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

fn invalid_input(faults: Vec<Fault>) -> Problem {
    Problem::new(
        400,
        "InvalidInput",
        "Invalid Input",
        "the input does not fit the workflow; no run was started",
    )
    .solution(["Correct what `faults` names and send it again"])
    .faults(faults)
}
