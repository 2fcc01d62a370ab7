//! What templates see of a delivery as `trigger`: its id, query and headers, without what may be secret.

use serde_json::{Map, Value, json};
use steps_lambda::Request;

/// Parts of the names of headers and query parameters that may hold a secret.
const SECRET_PARTS: [&str; 9] = [
    "apikey",
    "authoriz",
    "cookie",
    "credential",
    "jwt",
    "passw",
    "secret",
    "signature",
    "token",
];

/// Whole words of such names, as in `x-api-key` and `x-auth`.
const SECRET_WORDS: [&str; 4] = ["auth", "key", "session", "sig"];

/// What the doors themselves read.
const OWN_QUERIES: [&str; 2] = ["callbackUrl", "wait"];

/// The context of a delivery that has this id of its own, where it has one, and came through this webhook.
pub(crate) fn context(request: &Request, id: Option<&str>, webhook: Option<&str>) -> Value {
    let query: Map<String, Value> = request
        .queries()
        .filter(|(name, _)| !OWN_QUERIES.contains(name) && !may_be_secret(name))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let headers: Map<String, Value> = request
        .headers()
        .filter(|(name, _)| !may_be_secret(name))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let mut context = Map::from_iter([
        ("query".to_owned(), Value::Object(query)),
        ("headers".to_owned(), Value::Object(headers)),
    ]);
    for (name, value) in [("id", id), ("webhook", webhook)] {
        if let Some(value) = value {
            context.insert(name.to_owned(), json!(value));
        }
    }
    Value::Object(context)
}

fn may_be_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_PARTS.iter().any(|part| name.contains(part))
        || name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| SECRET_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::may_be_secret;

    #[test]
    fn names_of_secrets_are_told_from_others() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "x-forwarded-authorization",
            "Cookie",
            "webhook-signature",
            "x-hub-signature-256",
            "x-hub-signature",
            "stripe-signature",
            "x-amz-security-token",
            "x-gitlab-token",
            "access_token",
            "x-api-key",
            "X-ApiKey",
            "x-goog-iap-jwt-assertion",
            "client_secret",
            "x-auth",
            "sig",
            "key",
        ] {
            assert!(may_be_secret(name), "{name}");
        }
        for name in [
            "content-type",
            "user-agent",
            "x-github-event",
            "x-github-delivery",
            "webhook-id",
            "webhook-timestamp",
            "x-forwarded-for",
            "keyword",
            "author",
            "design",
        ] {
            assert!(!may_be_secret(name), "{name}");
        }
    }
}
