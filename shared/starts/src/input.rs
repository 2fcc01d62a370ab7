//! A request's body as the run's input.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use steps_lambda::Request;
use steps_problem::Problem;

/// Most bytes of a body.
const LARGEST: usize = 1_000_000;

/// Refuses a body that is too large, before anything is done with it.
pub fn check_size(request: &Request) -> Result<(), Problem> {
    let size = request.body().len();
    if size <= LARGEST {
        return Ok(());
    }
    Err(Problem::new(
        413,
        "BodyTooLarge",
        "Body Too Large",
        format!("the body has {size} bytes; the most is {LARGEST}"),
    )
    .solution(["Send less, such as the ids of what the workflow needs instead of all of it"]))
}

/// The body by its content type. Without one it is JSON.
pub fn input(request: &Request) -> Result<Value, Problem> {
    if !request.has_body() {
        return Ok(json!({}));
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "" | "application/json" | "text/json" => request.json(),
        json if json.ends_with("+json") => request.json(),
        // What curl says of JSON unless it is told otherwise. No form begins so: it would be written as %7B.
        "application/x-www-form-urlencoded"
            if matches!(request.body().trim_ascii_start().first(), Some(b'{' | b'[')) =>
        {
            request.json()
        }
        "application/x-www-form-urlencoded" => Ok(form(request.text()?)),
        "text/plain" => Ok(json!({ "body": request.text()? })),
        other => Err(Problem::new(
            415,
            "UnsupportedContentType",
            "Unsupported Content Type",
            format!("a body of type `{other}` is not understood"),
        )
        .solution([
            "Send application/json, application/x-www-form-urlencoded or text/plain, and say so in Content-Type",
        ])),
    }
}

/// A form's fields; one that comes several times is a list.
fn form(text: &str) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(text.trim().as_bytes()) {
        let value = json!(Cow::into_owned(value));
        match fields.get_mut(name.as_ref()) {
            None => {
                fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::form;
    use serde_json::json;

    #[test]
    fn a_form_is_an_object_of_its_fields() {
        assert_eq!(
            form("topic=tea+and+%C3%A4&tag=a&tag=b&tag=c&empty=&=x\n"),
            json!({"topic": "tea and \u{e4}", "tag": ["a", "b", "c"], "empty": "", "": "x"})
        );
    }
}
