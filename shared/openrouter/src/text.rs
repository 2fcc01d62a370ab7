//! Text that came from outside, made fit to show.

const MESSAGE_CHARS: usize = 500;
const EXCERPT_CHARS: usize = 200;
const REMOVED: &str = "[key removed]";

/// The characters that a key is made of.
pub(crate) fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// A message from upstream: without keys, on one line, and not too long.
pub(crate) fn message(text: &str) -> String {
    cut(&one_line(&without_keys(text)), MESSAGE_CHARS)
}

/// The beginning of a body that could not be read; of an HTML page, its title.
pub(crate) fn excerpt(body: &str) -> String {
    let lower = body.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower.get(start..)?.find("</title>")?;
        body.get(start..end)
    });
    let shown = title.filter(|t| !t.trim().is_empty()).unwrap_or(body);
    cut(&one_line(&without_keys(shown)), EXCERPT_CHARS)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Takes out whatever looks like a key: OpenRouter's wherever it stands, another vendor's where a word begins with it.
fn without_keys(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("sk-") {
        let (before, from) = rest.split_at(at);
        kept.push_str(before);
        let end = from.find(|c| !is_key_char(c)).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        let begins_word = !kept.ends_with(|c: char| c.is_ascii_alphanumeric());
        let ours = run.len() > "sk-or-".len() && run.starts_with("sk-or-");
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
    use super::*;

    #[test]
    fn keys_are_taken_out() {
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
            ("a risk-free task-list", "a risk-free task-list"),
        ] {
            assert_eq!(message(text), want);
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let cut = message(&"é".repeat(2000));
        assert_eq!(cut.chars().count(), 501);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn an_html_page_is_known_by_its_title() {
        assert_eq!(
            excerpt("<html><head><TITLE>502 Bad\n Gateway</TITLE></head>"),
            "502 Bad Gateway"
        );
        assert_eq!(excerpt("  plain\n text "), "plain text");
    }
}
