//! Secrets in bodies: read into a type that shows nothing, and written out only into a body that is meant to carry them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;

/// The schema of a secret: a text.
pub(crate) struct Secret;

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password" })
    }
}

/// Writes the secret as it is.
pub(crate) fn exposed<S: Serializer>(secret: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose_secret())
}

/// The same for a secret that may be absent.
pub(crate) fn exposed_option<S: Serializer>(
    secret: &Option<SecretString>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => exposed(secret, to),
        None => to.serialize_none(),
    }
}
