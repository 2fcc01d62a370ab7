//! Removes keys from texts.

const REMOVED: &str = "[key removed]";

/// The characters that a key is made of.
pub(crate) fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The text without anything that looks like a key. A key of OpenRouter is found anywhere in the text, a key of another
/// vendor only at the beginning of a word.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("sk-") {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let end = from.find(|c| !is_key_char(c)).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        let begins_word = !kept.ends_with(|c: char| c.is_ascii_alphanumeric());
        let body = run.strip_prefix("sk-or-").unwrap_or_default();
        let ours = body.chars().any(|c| c.is_ascii_alphanumeric());
        if ours || (begins_word && run.len() >= 16) {
            kept.push_str(REMOVED);
            rest = after;
        } else {
            kept.push_str("sk-");
            rest = from.get("sk-".len()..).unwrap_or_default();
        }
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn keys_are_taken_out_and_the_rest_stays() {
        for (text, want) in [
            ("no key here", "no key here"),
            (
                "key sk-or-v1-abc_DEF-123, wrong",
                "key [key removed], wrong",
            ),
            ("\"sk-or-v1-abc\"", "\"[key removed]\""),
            ("xsk-or-v1-abc", "x[key removed]"),
            ("ask-sk-or-v1-abc", "ask-[key removed]"),
            (
                "sk-proj-abcdefghijklmnop and sk-short",
                "[key removed] and sk-short",
            ),
            ("keys begin with sk-or-", "keys begin with sk-or-"),
            ("`sk-or-...`", "`sk-or-...`"),
            ("a risk-free task-list", "a risk-free task-list"),
        ] {
            assert_eq!(redact(text), want);
        }
    }
}
