//! How large an answer may be: Lambda takes 6 MB, in which the body is a JSON text.

/// Most bytes of an answer's body as Lambda counts them. The rest of Lambda's 6,291,556 bytes is for headers.
pub const LARGEST_ANSWER: usize = 6_000_000;

/// How many bytes a body of JSON has as Lambda counts them: inside a JSON text, where a quote or a backslash takes two.
#[must_use]
pub fn answer_bytes(body: &str) -> usize {
    let doubled = body.bytes().filter(|byte| matches!(byte, b'"' | b'\\'));
    body.len().saturating_add(doubled.count())
}

#[cfg(test)]
mod tests {
    use super::answer_bytes;

    #[test]
    fn a_body_has_as_many_bytes_as_it_has_inside_a_json_text() {
        for text in ["", "{}", "a \"b\" \\ \u{1f419} \n \t \u{1}"] {
            let body = serde_json::json!({ "text": text }).to_string();
            let quoted = serde_json::Value::from(body.as_str()).to_string();
            assert_eq!(answer_bytes(&body) + 2, quoted.len(), "{text}");
        }
    }
}
