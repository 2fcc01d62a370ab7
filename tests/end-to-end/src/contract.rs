//! Compares every answer that a test gets with the API's description: its status, its code, its content type and its
//! body.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::template::{described_path, matched};

static DOCUMENT: LazyLock<Value> = LazyLock::new(steps_api::openapi);

/// Schemas that were read before, by their place in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Checks an answer to `method` and `path` against the document.
pub(crate) fn check(method: &str, path: &str, status: u16, headers: &HeaderMap, text: &str) {
    let asked = format!("{method} {path}");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = header("content-type").unwrap_or_default();
    let body = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    if content_type == "application/problem+json" || status < 400 {
        let id = header("x-request-id");
        assert!(id.is_some(), "{asked}: the answer has no x-request-id");
        if status >= 400 {
            assert_eq!(body["requestId"].as_str(), id, "{asked}: {body}");
        }
    }
    let Some(operation) = operation(method, path) else {
        // `$default`, the route for everything else, is not in the description.
        assert!(
            matches!(status, 401 | 403 | 404),
            "{asked}: {status} {body}"
        );
        return;
    };
    let place = format!("{operation}/responses/{status}");
    let response = DOCUMENT.pointer(&place);
    let response =
        response.unwrap_or_else(|| panic!("{asked}: {status} is not in the document: {body}"));
    let content = response["content"]
        .as_object()
        .expect("an answer has contents");
    if text.is_empty() {
        assert!(content.is_empty(), "{asked}: {status} without a body");
        return;
    }
    let media = content.get(content_type).or_else(|| content.get("*/*"));
    let media = media.unwrap_or_else(|| panic!("{asked}: {status} with `{content_type}`: {body}"));
    let validator = validator(&format!("{place} {content_type}"), &media["schema"]);
    let faults: Vec<String> = validator
        .iter_errors(&body)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{asked}: {status} {faults:#?}");
}

/// Where the document describes the operation that API Gateway finds for this path.
fn operation(method: &str, path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap_or_default();
    let (route, _) = matched(method, path);
    let (_, path) = route.split_once(' ')?;
    let place = described_path(path).replace('/', "~1");
    Some(format!("/paths/{place}/{}", method.to_lowercase()))
}

fn validator(place: &str, schema: &Value) -> Arc<Validator> {
    let mut known = VALIDATORS.lock().expect("no test panicked with it");
    let found = known.entry(place.to_owned()).or_insert_with(|| {
        let whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        Arc::new(jsonschema::validator_for(&whole).expect("a schema"))
    });
    Arc::clone(found)
}
