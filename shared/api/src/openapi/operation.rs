//! One operation of the API, and the functions that the table of operations is written with.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use steps_access::{Scope, scope_of};

/// Who may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Whoever has a token of the API with this scope.
    Token(Scope),
    /// Whoever proves a delivery as the webhook's mode says.
    Delivery,
    /// Everybody.
    Open,
}

/// Makes a type's schema.
pub(crate) type MakesSchema = fn(&mut SchemaGenerator) -> Schema;

/// A body that a request has.
pub(crate) struct Body {
    pub(crate) schema: MakesSchema,
    /// The name of its type.
    pub(crate) name: String,
    pub(crate) is_required: bool,
    pub(crate) content_types: &'static [&'static str],
    pub(crate) example: Value,
}

/// What an answer that is no failure carries.
pub(crate) enum Content {
    Json(MakesSchema),
    /// A text or, of another content type, a JSON object.
    As(&'static str),
    /// Bytes of any content type.
    File,
    Nothing,
}

/// An answer that is no failure.
pub(crate) struct Success {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    pub(crate) content: Content,
    pub(crate) has_location: bool,
}

/// A parameter of the query, or a header.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: &'static str,
    pub(crate) description: &'static str,
    pub(crate) schema: Value,
}

/// One operation.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    /// The path as the document has it.
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) successes: Vec<Success>,
    /// The codes of its failures.
    pub(crate) codes: Vec<&'static str>,
}

const JSON: &[&str] = &["application/json"];

impl Operation {
    /// An operation behind a token with the scope that its route needs: its route, its id, its tag, and what it does.
    pub(crate) fn new(
        (method, path): (&'static str, &'static str),
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            id,
            tag,
            summary,
            access: Access::Token(scope(method, path)),
            parameters: Vec::new(),
            body: None,
            successes: Vec::new(),
            codes: Vec::new(),
        }
    }

    pub(crate) fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    pub(crate) fn query(
        self,
        name: &'static str,
        schema: Value,
        description: &'static str,
    ) -> Self {
        self.parameter("query", name, schema, description)
    }

    pub(crate) fn header(self, name: &'static str, description: &'static str) -> Self {
        self.parameter("header", name, json!({ "type": "string" }), description)
    }

    fn parameter(
        mut self,
        place: &'static str,
        name: &'static str,
        schema: Value,
        description: &'static str,
    ) -> Self {
        self.parameters.push(Parameter {
            name,
            place,
            description,
            schema,
        });
        self
    }

    /// The parameters of a list in pages.
    pub(crate) fn pages(self, most: u64, default: u64) -> Self {
        self.query(
            "limit",
            json!({ "type": "integer", "minimum": 1, "maximum": most, "default": default }),
            "The most rows of a page.",
        )
        .query(
            "cursor",
            json!({ "type": "string" }),
            "The `cursor` of the page before.",
        )
    }

    /// A body that has to be there.
    pub(crate) fn takes<T: JsonSchema>(self, example: Value) -> Self {
        self.body::<T>(true, JSON, example)
    }

    /// A body that may be left out.
    pub(crate) fn may_take<T: JsonSchema>(self, example: Value) -> Self {
        self.body::<T>(false, JSON, example)
    }

    pub(crate) fn body<T: JsonSchema>(
        mut self,
        is_required: bool,
        content_types: &'static [&'static str],
        example: Value,
    ) -> Self {
        self.body = Some(Body {
            schema: SchemaGenerator::root_schema_for::<T>,
            name: T::schema_name().into_owned(),
            is_required,
            content_types,
            example,
        });
        self
    }

    /// An answer of JSON.
    pub(crate) fn answers<T: JsonSchema>(self, status: u16, description: &'static str) -> Self {
        let schema: MakesSchema = SchemaGenerator::subschema_for::<T>;
        self.success(status, description, Content::Json(schema))
    }

    /// The answer of this status carries another type than it was said to before.
    pub(crate) fn answers_instead<T: JsonSchema>(
        mut self,
        status: u16,
        description: &'static str,
    ) -> Self {
        self.successes.retain(|success| success.status != status);
        self.answers::<T>(status, description)
    }

    pub(crate) fn answers_as(self, content_type: &'static str, description: &'static str) -> Self {
        self.success(200, description, Content::As(content_type))
    }

    /// Bytes of any content type.
    pub(crate) fn answers_file(self, status: u16, description: &'static str) -> Self {
        self.success(status, description, Content::File)
    }

    /// 307, without a body: `location` has the address.
    pub(crate) fn sends_elsewhere(self, description: &'static str) -> Self {
        self.success(307, description, Content::Nothing).located()
    }

    /// 204, without a body.
    pub(crate) fn answers_nothing(self, description: &'static str) -> Self {
        self.success(204, description, Content::Nothing)
    }

    fn success(mut self, status: u16, description: &'static str, content: Content) -> Self {
        self.successes.push(Success {
            status,
            description,
            content,
            has_location: false,
        });
        self
    }

    /// The last answer says in `location` where what was made can be read.
    pub(crate) fn located(mut self) -> Self {
        if let Some(success) = self.successes.last_mut() {
            success.has_location = true;
        }
        self
    }

    /// Codes of failures, beside those that were named before.
    pub(crate) fn fails(mut self, codes: &[&'static str]) -> Self {
        for code in codes {
            if !self.codes.contains(code) {
                self.codes.push(code);
            }
        }
        self
    }
}

/// The scope that the route of an operation needs. OpenAPI has no parameter with slashes in it, the template has.
fn scope(method: &str, path: &str) -> Scope {
    let path = path.replace("{author}/{slug}", "{proxy+}");
    scope_of(&format!("{method} {path}")).unwrap_or(Scope::Admin)
}
