//! From a node and its context to the request that is sent.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;
use steps_problem::Problem;
use steps_web::Request;
use url::Url;

use super::document::{Body, Http, Pairs, is_ours};
use super::problem::invalid;
use super::run::{ReadyHttp, Retries};

/// The longest address that is sent. Few servers take more.
const LONGEST_URL: usize = 16_000;

/// The request of a node: its templates rendered with `context`. `known` are the workflow's variables.
pub(super) fn ready(node: &Http, context: &Value, known: &[&str]) -> Result<ReadyHttp, Problem> {
    let url = node.url.render(context, known)?;
    let mut url = address(&url)?;
    if !node.query.is_empty() {
        let query = rendered(&node.query, context, known)?;
        url.query_pairs_mut().extend_pairs(query);
    }
    if url.as_str().len() > LONGEST_URL {
        return Err(invalid(format!(
            "its address has {} characters; the most is {LONGEST_URL}",
            url.as_str().len()
        )));
    }
    let mut request = Request::new(node.method(), url);
    request.redirects = node.redirects();
    request.most_bytes = node.most_bytes();
    for (name, value) in rendered(&node.headers, context, known)? {
        let (name, value) = header(&name, &value)?;
        request.headers.append(name, value);
    }
    if let Some(body) = &node.body {
        let (content_type, bytes) = content(body, context, known)?;
        request.body = Some(bytes);
        request
            .headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(content_type));
    }
    request
        .headers
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("*/*"));
    Ok(ReadyHttp {
        request,
        credential: node.credential.clone(),
        spells_out_origin: node.spells_out_origin(),
        shape: node.shape,
        accept: node.accept.clone(),
        retries: Retries::of(node),
        sends_key: node.adds_up() && node.idempotency_key.unwrap_or(true),
    })
}

/// What a browser would make of it is not asked: an address with blanks or line breaks in it is refused.
fn address(text: &str) -> Result<Url, Problem> {
    let text = text.trim();
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(invalid("its address has a blank or a line break in it"));
    }
    let mut url = Url::parse(text)
        .map_err(|error| invalid(format!("its address cannot be read: {error}")))?;
    url.set_fragment(None);
    Ok(url)
}

/// Names with their values. A list is its name once for each value.
fn rendered(
    pairs: &Pairs,
    context: &Value,
    known: &[&str],
) -> Result<Vec<(String, String)>, Problem> {
    let mut all = Vec::new();
    for (name, form) in pairs {
        match form.render(context, known)? {
            Value::Array(values) => {
                all.extend(values.iter().map(|value| (name.clone(), text(value))));
            }
            value => all.push((name.clone(), text(&value))),
        }
    }
    Ok(all)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Problem> {
    let known = HeaderName::from_bytes(name.as_bytes()).ok();
    let known = known
        .filter(|_| !is_ours(name))
        .ok_or_else(|| invalid(format!("it may not set the header `{name}`")))?;
    // Blanks around a value are no part of it.
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| {
        invalid(format!(
            "the value of the header `{name}` has a line break or another character that no header can have"
        ))
    })?;
    // Nobody knows which of them are secret, so none is shown.
    value.set_sensitive(true);
    Ok((known, value))
}

fn content(body: &Body, context: &Value, known: &[&str]) -> Result<(&'static str, Bytes), Problem> {
    Ok(match body {
        Body::Json(form) => {
            let json = form.render_json(context, known)?;
            let json = json.map_err(|error| invalid(format!("its body is no JSON: {error}")))?;
            ("application/json", json.to_string().into())
        }
        Body::Form(pairs) => {
            let pairs = rendered(pairs, context, known)?;
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(pairs);
            ("application/x-www-form-urlencoded", form.finish().into())
        }
        Body::Text(template) => (
            "text/plain; charset=utf-8",
            template.render(context, known)?.into(),
        ),
    })
}
