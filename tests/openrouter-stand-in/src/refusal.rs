//! Error answers in the forms that OpenRouter's have.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(crate) const USER_ID: &str = "user_stand_in";

/// An error answer in the service's own shape: `{"error": {code, message, metadata?}, "user_id"?}`.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            status,
            body: json!({"error": {"code": status, "message": message}}),
            headers: Vec::new(),
        }
    }

    /// The second form: of routes that check a request with a schema.
    pub(crate) fn zod(issues: &Value) -> Self {
        let error = json!({"name": "ZodError", "message": issues.to_string()});
        Self {
            status: 400,
            body: json!({"success": false, "error": error}),
            headers: Vec::new(),
        }
    }

    pub(crate) fn metadata(mut self, metadata: Value) -> Self {
        if let Some(error) = self.body.get_mut("error").and_then(Value::as_object_mut) {
            error.insert("metadata".into(), metadata);
        }
        self
    }

    /// Adds the account's id, as OpenRouter does in errors after the check of the key.
    pub(crate) fn user(mut self) -> Self {
        if let Some(body) = self.body.as_object_mut() {
            body.insert("user_id".into(), USER_ID.into());
        }
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", seconds)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(self.body)).into_response();
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
