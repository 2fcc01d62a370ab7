//! The pages of `docs/errors`, one for each code, sorted by code. `build.rs` embeds them.

/// Each code with its page.
pub(crate) const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
    }

    /// What is outside of tests in the Rust files under `folder`.
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                sources(&path, found);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                found.push(code.to_owned());
            }
        }
    }

    /// Whether `text` is spelled as a code is: `RunNotFound`.
    fn is_spelled_as_a_code(text: &str) -> bool {
        text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.contains(|letter: char| letter.is_ascii_lowercase())
            && text.chars().all(|letter| letter.is_ascii_alphabetic())
    }

    /// The quoted words of a source that are spelled as codes, each with the source before it.
    fn quoted(source: &str) -> impl Iterator<Item = (&str, &str)> {
        source.match_indices('"').filter_map(|(at, _)| {
            let (before, word) = (source.get(..at)?, source.get(at + 1..)?);
            let (word, _) = word.split_once('"')?;
            is_spelled_as_a_code(word).then_some((word, before.trim_end()))
        })
    }

    /// Whether a quoted word after this source is a problem's code: what follows the status in a call, the name of an error
    /// in a table of them, or a constant.
    fn is_code_after(before: &str) -> bool {
        let follows_status = before.strip_suffix(',').is_some_and(|before| {
            let call = before.trim_end_matches(|digit: char| digit.is_ascii_digit());
            before.len() - call.len() == 3 && call.trim_end().ends_with('(')
        });
        let ends = ["facts(", "=>", "=> (", ": &str ="];
        follows_status || ends.iter().any(|end| before.ends_with(end))
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let mut files = Vec::new();
        sources(&root().join("functions"), &mut files);
        sources(&root().join("shared"), &mut files);
        let words: Vec<(&str, &str)> = files.iter().flat_map(|file| quoted(file)).collect();
        let pages: BTreeSet<&str> = PAGES.iter().map(|(code, _)| *code).collect();
        let named: BTreeSet<&str> = words.iter().map(|(word, _)| *word).collect();
        let codes = words
            .iter()
            .filter(|(_, before)| is_code_after(before))
            .map(|(word, _)| *word)
            .collect::<BTreeSet<_>>();
        let without_page: Vec<_> = codes.difference(&pages).collect();
        let without_code: Vec<_> = pages.difference(&named).collect();
        assert!(
            without_page.is_empty() && without_code.is_empty(),
            "write docs/errors/<Code>.md for {without_page:?}; delete the pages of {without_code:?}"
        );
        assert!(codes.len() > 80, "the search finds the codes: {codes:?}");
    }

    #[test]
    fn every_page_has_its_code_as_title_and_is_listed() {
        let list = fs::read_to_string(root().join("docs/errors/README.md")).unwrap();
        for (code, page) in PAGES {
            assert!(page.starts_with(&format!("# {code}\n")), "{code}");
            assert!(list.contains(&format!("| [{code}]({code}.md) |")), "{code}");
        }
    }
}
