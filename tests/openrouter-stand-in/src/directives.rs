//! The directives in a user prompt, such as `[[repeat:N]]` and `[[fault:NAME]]`.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::faults::FaultCall;

/// What a user prompt asks the stand-in for, between `[[` and `]]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directives {
    /// `[[echo]]`: answer the prompt itself.
    pub(crate) echo: bool,
    /// `[[repeat:N]]`: answer about this many bytes.
    pub(crate) repeat: Option<usize>,
    /// `[[json:...]]`: answer exactly this text.
    pub(crate) json: Option<String>,
    /// `[[usage:{...}]]`: fields of the answer's usage, as on the wire.
    pub(crate) usage: Option<Value>,
    /// `[[fault:...]]`, in their order.
    pub(crate) faults: Vec<FaultCall>,
}

/// The directives of a prompt, and the prompt without them.
pub(crate) fn take(prompt: &str) -> Result<(Directives, String), String> {
    let mut directives = Directives::default();
    let mut kept = String::with_capacity(prompt.len());
    let mut rest = prompt;
    while let Some((before, inside)) = rest.split_once("[[") {
        kept.push_str(before);
        match directives.read(inside)? {
            Some(after) => rest = after,
            None => {
                kept.push_str("[[");
                rest = inside;
            }
        }
    }
    kept.push_str(rest);
    Ok((directives, kept))
}

impl Directives {
    /// Reads one directive and gives the text after it; `None` where there is no directive.
    fn read<'a>(&mut self, inside: &'a str) -> Result<Option<&'a str>, String> {
        if let Some(json) = inside.strip_prefix("json:") {
            let (text, after) = json_text("json", json)?;
            self.json = Some(text);
            return Ok(Some(after));
        }
        if let Some(usage) = inside.strip_prefix("usage:") {
            let (text, after) = json_text("usage", usage)?;
            self.usage = serde_json::from_str(&text).ok();
            return Ok(Some(after));
        }
        let Some((body, after)) = inside.split_once("]]") else {
            return Ok(None);
        };
        if body == "echo" {
            self.echo = true;
        } else if let Some(size) = body.strip_prefix("repeat:") {
            let size = size.trim().parse();
            self.repeat = Some(size.map_err(|_| format!("`[[{body}]]`: no number"))?);
        } else if let Some(fault) = body.strip_prefix("fault:") {
            self.faults.push(FaultCall::parse(fault)?);
        } else {
            return Ok(None);
        }
        Ok(Some(after))
    }
}

fn json_text<'a>(name: &str, text: &'a str) -> Result<(String, &'a str), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>();
    let value = match values.next() {
        Some(Ok(value)) => value,
        _ => return Err(format!("`[[{name}:...]]` holds no valid JSON")),
    };
    let after = text.get(values.byte_offset()..).unwrap_or_default();
    match after.trim_start().strip_prefix("]]") {
        Some(after) => Ok((value.get().to_owned(), after)),
        None => Err(format!("`[[{name}:...]]` does not end with `]]`")),
    }
}

/// Text of a message: a string, or its text parts one after the other.
pub(crate) fn content_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_directives_out() {
        let (found, kept) =
            take("a [[echo]]b [[x]] [[json:{\"a\":[[1]]}]]c[[fault:stall*2]][[repeat:9]]").unwrap();
        assert!(found.echo);
        assert_eq!(found.json.as_deref(), Some("{\"a\":[[1]]}"));
        assert_eq!(found.repeat, Some(9));
        assert_eq!(found.faults.len(), 1);
        assert_eq!(kept, "a b [[x]] c");
    }

    #[test]
    fn leaves_open_brackets_alone() {
        assert_eq!(take("let a = [[1, 2").unwrap().1, "let a = [[1, 2");
    }
}
