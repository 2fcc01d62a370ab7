//! Texts that others wrote, made ready to be shown: without keys, on one line, and cut.

use steps_key::redact;
use steps_problem::{MESSAGE, cut};

const EXCERPT_CHARS: usize = 200;

/// A message from upstream: without keys, on one line, and not too long.
pub(crate) fn message(text: &str) -> String {
    cut(&one_line(&redact(text)), MESSAGE)
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
    cut(&one_line(&redact(shown)), EXCERPT_CHARS)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

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
