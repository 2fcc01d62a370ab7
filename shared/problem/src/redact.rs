//! Keeps keys out of texts.

const MARK: &str = "sk-or-";

/// The text with every OpenRouter key in it cut down to `sk-or-[redacted]`.
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        clean.push_str(before);
        clean.push_str(MARK);
        rest =
            after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if rest.len() < after.len() {
            clean.push_str("[redacted]");
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn keys_are_cut_and_the_rest_stays() {
        assert_eq!(redact("no key"), "no key");
        assert_eq!(
            redact("got \"sk-or-v1-abc_DEF9\", and sk-or-2."),
            "got \"sk-or-[redacted]\", and sk-or-[redacted]."
        );
        assert_eq!(redact("keys start with sk-or-"), "keys start with sk-or-");
        assert_eq!(redact("`sk-or-...`"), "`sk-or-...`");
    }
}
