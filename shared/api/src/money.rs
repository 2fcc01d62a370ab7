//! How requests name amounts of money: as texts, so that none is ever a float.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The schema of an amount in a request: US dollars, a decimal from 0 as a text.
pub(crate) struct Usd;

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^[0-9]{1,12}(\.[0-9]{1,12})?$",
            "examples": ["2.50"],
        })
    }
}
