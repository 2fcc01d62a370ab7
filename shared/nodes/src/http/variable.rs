//! A node's variable: `{status, headers, data}`.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Map, Value, json};
use steps_key::HttpSecret;
use steps_problem::Problem;
use steps_web::Answer;

use super::document::Shape;
use super::problem::unreadable;
use crate::scope::Scope;

/// Its fields: what templates may read as `{{variable.field}}`.
pub(super) const OUTPUT_FIELDS: [&str; 3] = ["status", "headers", "data"];

/// Headers of an answer that are secrets for whoever asked: they are not written down.
const SECRET: [&str; 4] = [
    "authorization",
    "proxy-authenticate",
    "set-cookie",
    "set-cookie2",
];

/// Most bytes of an answer's headers that are written down.
const MOST_HEADERS: usize = 32_000;

/// The variable of an answer. The secret that was sent is taken out of what came back.
pub(super) async fn variable(
    answer: Answer,
    shape: Option<Shape>,
    secret: Option<&HttpSecret>,
    scope: &impl Scope,
) -> Result<Value, Problem> {
    let headers = headers(&answer.headers, secret);
    let status = answer.status;
    let data = match shape {
        Some(Shape::File) => file(answer, scope).await?,
        _ if answer.body.is_empty() => Value::Null,
        Some(Shape::Text) => Value::String(decoded(&answer, secret).map_err(refused(&answer))?),
        Some(Shape::Json) => {
            let text = decoded(&answer, secret).map_err(refused(&answer))?;
            serde_json::from_str(text.trim_start_matches('\u{feff}'))
                .map_err(|error| unreadable(&answer.origin, &format!("it is no JSON: {error}")))?
        }
        None => {
            let text = decoded(&answer, secret).map_err(refused(&answer))?;
            let json = is_json(&answer.headers)
                .then(|| serde_json::from_str(text.trim_start_matches('\u{feff}')).ok())
                .flatten();
            json.unwrap_or(Value::String(text))
        }
    };
    Ok(json!({ "status": status, "headers": headers, "data": data }))
}

fn refused(answer: &Answer) -> impl Fn(&'static str) -> Problem {
    |what| unreadable(&answer.origin, what)
}

async fn file(answer: Answer, scope: &impl Scope) -> Result<Value, Problem> {
    let content_type = content_type(&answer.headers).unwrap_or("application/octet-stream");
    let bytes = answer.body.len();
    let kept = scope
        .keep_file(answer.body.clone(), content_type, 0)
        .await?;
    Ok(json!({
        "bucket": kept.bucket, "key": kept.key, "bytes": bytes, "contentType": content_type,
        "at": kept.at,
    }))
}

/// An answer as text, without the secret that was sent.
pub(super) fn decoded(
    answer: &Answer,
    secret: Option<&HttpSecret>,
) -> Result<String, &'static str> {
    let encoding = answer.headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err("it is compressed, which was not asked for");
    }
    let text = match std::str::from_utf8(&answer.body) {
        Ok(text) => text.to_owned(),
        // Every byte is a character there.
        Err(_) if is_latin1(&answer.headers) => {
            answer.body.iter().copied().map(char::from).collect()
        }
        Err(_) => return Err("it is no text in UTF-8"),
    };
    Ok(match secret {
        Some(secret) => secret.removed_from(&text),
        None => text,
    })
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = content_type(headers).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json")
}

fn is_latin1(headers: &HeaderMap) -> bool {
    let kind = content_type(headers).unwrap_or_default();
    kind.to_ascii_lowercase().contains("charset=iso-8859-1")
}

/// The headers by their names in small letters; values of one name with commas between them. What does not fit is left out.
fn headers(headers: &HeaderMap, secret: Option<&HttpSecret>) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut left = MOST_HEADERS;
    for name in headers.keys() {
        if SECRET.contains(&name.as_str()) {
            continue;
        }
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        let text = values.join(", ");
        let text = secret.map_or_else(|| text.clone(), |secret| secret.removed_from(&text));
        let Some(rest) = left.checked_sub(name.as_str().len() + text.len()) else {
            continue;
        };
        left = rest;
        shown.insert(name.as_str().to_owned(), text.into());
    }
    shown
}
