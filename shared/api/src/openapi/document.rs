//! The document itself: the table of operations and the schemas of the types, as OpenAPI 3.1 has them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use steps_problem::ProblemAnswer;

use crate::GatewayRefusal;
use crate::openapi::operation::{Access, Body, Content, Operation, Success};
use crate::openapi::operations::operations;
use crate::openapi::problems::status_of;

/// The version of the API. Nothing is removed while its first number stays.
pub const VERSION: &str = "1.0.0";

/// What API Gateway answers by itself, in its own words.
const GATEWAY: [(u16, &str); 6] = [
    (401, "API Gateway: there is no token."),
    (403, "API Gateway: the token is not good."),
    (413, "API Gateway: the request is larger than 10 MB."),
    (429, "API Gateway: too many requests in a second."),
    (500, "API Gateway: the function or the authorizer failed."),
    (
        503,
        "API Gateway: the function did not answer within 30 seconds.",
    ),
];

/// The API's description in OpenAPI 3.1: every route but `$default`, which answers `NoSuchRoute` to whoever has the token.
#[must_use]
pub fn openapi() -> Value {
    let operations = operations();
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in &operations {
        paths.entry(operation.path).or_default().insert(
            operation.method.to_lowercase(),
            described(operation, &mut schemas),
        );
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "openrouter-steps",
            "version": VERSION,
            "summary": "OpenRouter workflow steps for AWS Step Functions",
            "description": "Every answer of a function carries its request's id in `x-request-id`. Failures are \
                `application/problem+json` (RFC 9457); their `code` has a page at `/errors/{code}`. What API Gateway \
                answers by itself is `{\"message\": ...}`, with the request's id in `apigw-requestid`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "tags": tags(&operations),
        "paths": paths,
        "components": {
            "schemas": schemas.all(),
            "headers": {
                "RequestId": {
                    "description": "The request's id, as problems and the logs have it.",
                    "schema": { "type": "string" },
                },
                "Location": {
                    "description": "The path at which what was made can be read.",
                    "schema": { "type": "string" },
                },
            },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token of the API. An operation names the \
                    scope that the token needs; `admin` stands for each." },
                "webhookToken": { "type": "http", "scheme": "bearer", "description": "Mode `bearer`: the webhook's secret." },
                "standardSignature": header_key("webhook-signature", "Mode `standard`: Standard Webhooks, with `webhook-id` and `webhook-timestamp`; or the same three with Svix's names."),
                "githubSignature": header_key("x-hub-signature-256", "Mode `github`: `sha256=` and the body's HMAC."),
                "slackSignature": header_key("x-slack-signature", "Mode `slack`: Slack's signature, with `x-slack-request-timestamp`."),
                "stripeSignature": header_key("stripe-signature", "Mode `stripe`: Stripe's signature."),
            },
        },
    })
}

fn header_key(name: &str, description: &str) -> Value {
    json!({ "type": "apiKey", "in": "header", "name": name, "description": description })
}

fn tags(operations: &[Operation]) -> Value {
    let mut tags: Vec<&str> = Vec::new();
    for operation in operations {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    tags.into_iter()
        .map(|name| json!({ "name": name }))
        .collect()
}

/// The schemas of the types. What is read and what is written may differ: a body is described whole in its own schema, and
/// only the types of answers share schemas.
struct Schemas {
    written: SchemaGenerator,
    read: SchemaGenerator,
    bodies: Map<String, Value>,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            written: settings.clone().for_serialize().into_generator(),
            read: settings
                .with(|settings| settings.inline_subschemas = true)
                .into_generator(),
            bodies: Map::new(),
        }
    }

    fn body(&mut self, body: &Body) -> Value {
        let schema = (body.schema)(&mut self.read).to_value();
        self.bodies.insert(body.name.clone(), schema);
        json!({ "$ref": format!("#/components/schemas/{}", body.name) })
    }

    fn all(mut self) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        for (name, schema) in self.bodies {
            all.entry(name).or_insert(schema);
        }
        all
    }
}

fn described(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters(operation),
        "responses": responses(operation, schemas),
    });
    let security = match operation.access {
        Access::Token(scope) => Some(json!([{ "token": [scope.as_str()] }])),
        Access::Delivery => Some(json!([
            { "standardSignature": [] }, { "githubSignature": [] }, { "stripeSignature": [] },
            { "slackSignature": [] },
            { "webhookToken": [] }, {},
        ])),
        Access::Open => Some(json!([])),
    };
    let body = operation.body.as_ref().map(|body| {
        let schema = schemas.body(body);
        let content: Map<String, Value> = body
            .content_types
            .iter()
            .map(|content_type| {
                let media = if content_type.starts_with("application/json") {
                    json!({ "schema": schema, "example": body.example })
                } else {
                    json!({ "schema": {} })
                };
                ((*content_type).to_owned(), media)
            })
            .collect();
        json!({ "required": body.is_required, "content": content })
    });
    if let Value::Object(fields) = &mut described {
        fields.extend(security.map(|security| ("security".to_owned(), security)));
        fields.extend(body.map(|body| ("requestBody".to_owned(), body)));
    }
    described
}

fn parameters(operation: &Operation) -> Value {
    let in_path = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1, "maxLength": 512 } })
        });
    let others = operation.parameters.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": parameter.place,
            "description": parameter.description,
            "schema": parameter.schema,
        })
    });
    in_path.chain(others).collect()
}

fn responses(operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut responses: Map<String, Value> = operation
        .successes
        .iter()
        .map(|success| (success.status.to_string(), succeeded(success, schemas)))
        .collect();
    let failure = schemas.written.subschema_for::<ProblemAnswer>().to_value();
    let refusal = schemas.written.subschema_for::<GatewayRefusal>().to_value();
    let mut codes: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    let needs_token = matches!(operation.access, Access::Token(_));
    let of_token = needs_token.then_some(&"InsufficientScope");
    for code in operation.codes.iter().chain(of_token) {
        if let Some(status) = status_of(code) {
            codes.entry(status).or_default().insert(code);
        }
    }
    let gateway = GATEWAY
        .iter()
        .filter(|(status, _)| needs_token || !matches!(status, 401 | 403));
    let gateway: BTreeMap<u16, &str> = gateway.copied().collect();
    let statuses: BTreeSet<u16> = codes.keys().chain(gateway.keys()).copied().collect();
    for status in statuses {
        let mut content = Map::new();
        let mut words = Vec::new();
        if let Some(codes) = codes.get(&status) {
            let code = json!({ "properties": { "code": { "enum": codes }, "status": { "const": status } } });
            let problem = json!({ "schema": { "allOf": [failure, code] } });
            content.insert("application/problem+json".to_owned(), problem);
            words.push(format!(
                "`{}`.",
                codes.iter().copied().collect::<Vec<_>>().join("`, `")
            ));
        }
        if let Some(said) = gateway.get(&status) {
            content.insert("application/json".to_owned(), json!({ "schema": refusal }));
            words.push((*said).to_owned());
        }
        let response = json!({
            "description": words.join(" "),
            "headers": { "x-request-id": { "$ref": "#/components/headers/RequestId" } },
            "content": content,
        });
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

fn succeeded(success: &Success, schemas: &mut Schemas) -> Value {
    let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let mut headers = BTreeMap::from([("x-request-id", header("RequestId"))]);
    if success.has_location {
        headers.insert("location", header("Location"));
    }
    let content = match &success.content {
        Content::Json(schema) => {
            let schema = schema(&mut schemas.written).to_value();
            json!({ "application/json": { "schema": schema } })
        }
        Content::As(content_type) => {
            let is_text = content_type.starts_with("text/");
            let kind = if is_text { "string" } else { "object" };
            json!({ *content_type: { "schema": { "type": kind } } })
        }
        Content::File => json!({ "*/*": {} }),
        Content::Nothing => json!({}),
    };
    json!({ "description": success.description, "headers": headers, "content": content })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_an_operation_has_a_status_and_every_id_stands_once() {
        let operations = operations();
        let mut ids = BTreeSet::new();
        for operation in &operations {
            assert!(ids.insert(operation.id), "{} stands twice", operation.id);
            for code in &operation.codes {
                assert!(status_of(code).is_some(), "{code} has no status");
            }
        }
    }

    #[test]
    fn every_example_is_what_its_operation_takes() {
        let document = openapi();
        for operation in operations() {
            let Some(body) = operation.body else { continue };
            let schema = &document["components"]["schemas"][&body.name];
            let faults = jsonschema::validate(schema, &body.example);
            assert!(faults.is_ok(), "{}: {faults:?}", operation.id);
        }
    }

    #[test]
    fn every_reference_leads_to_something() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = openapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
