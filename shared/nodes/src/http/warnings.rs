//! What is allowed and probably a slip.

use steps_problem::Fault;

use super::document::{Body, Http, MOST_READ, Method};
use crate::form::Form;

/// Headers that as a rule hold a secret.
const OF_SECRETS: [&str; 6] = [
    "api-key",
    "apikey",
    "authorization",
    "cookie",
    "x-api-key",
    "x-auth-token",
];

/// The warnings of one node.
pub(super) fn warnings(node: &Http) -> Vec<Fault> {
    let mut warnings = Vec::new();
    for (name, value) in &node.headers {
        let lower = name.to_ascii_lowercase();
        if !OF_SECRETS.contains(&lower.as_str()) {
            continue;
        }
        let path = format!("headers.{name}");
        if node.credential.is_some() && lower == "authorization" {
            warnings.push(Fault::at(
                path,
                "the secret of `credential` takes this header's place",
            ));
        } else if matches!(value, Form::Text(template) if !template.has_tags()) {
            warnings.push(Fault::at(
                path,
                "whoever may read workflows reads this secret: store it as a credential of type `http`, and name that in `credential`",
            ));
        }
    }
    if node.credential.is_some() && node.url.as_str().trim_start().starts_with("http:") {
        warnings.push(Fault::at(
            "url",
            "without TLS the credential's secret is sent only to hosts that the deployment allows",
        ));
    }
    if node.credential.is_some() && !node.spells_out_origin() {
        warnings.push(Fault::at(
            "url",
            "tags decide which host is called: the credential's secret is sent only where its `hosts` name that host",
        ));
    }
    if node.max_bytes.is_some_and(|most| most > node.most_bytes()) {
        warnings.push(Fault::at(
            "maxBytes",
            format!("only a file may be so large: no more than {MOST_READ} bytes are read"),
        ));
    }
    if node.body.is_some() && matches!(node.method, Method::Get | Method::Head) {
        warnings.push(Fault::at(
            "body",
            "a request of this method has no body as a rule; did you mean the method `POST`?",
        ));
    }
    if matches!(&node.body, Some(Body::Json(Form::Text(template))) if !template.has_tags() && serde_json::from_str::<serde_json::Value>(template.as_str()).is_err())
    {
        warnings.push(Fault::at(
            "body.json",
            "a text here has to be JSON once it is rendered; write `body.text` for a plain text",
        ));
    }
    warnings
}
