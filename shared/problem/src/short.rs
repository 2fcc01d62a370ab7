//! How long the texts of a problem may be. A sender, a model or AWS can write texts of any length, but a record may
//! have 400 KB. So each text is cut when a problem is made, and again before it is stored or sent.

use steps_key::redact;

use crate::Fault;

/// Most characters of a name: of a variable, a field, a provider or an error code.
pub const NAME: usize = 64;

/// Most characters of a path, such as `nodes[2].userPrompt`.
pub const PATH: usize = 128;

/// Most characters of one message: of a fault, of a service that we called, of an attempt.
pub const MESSAGE: usize = 500;

/// Most characters of a problem's cause.
pub const CAUSE: usize = 2_000;

/// Most steps of a solution. Each is cut as a message is.
pub(crate) const STEPS: usize = 10;

/// Most faults in one problem.
pub const FAULTS: usize = 50;

/// The first `most` characters of the text, with an ellipsis where there were more.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        // One character more is allowed: the ellipsis of a text that was cut before.
        Some((at, '…')) if text.len() == at + '…'.len_utf8() => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The text without keys, cut to `most` characters. Keys are removed first, because half a key would not be found.
pub fn short(text: &str, most: usize) -> String {
    cut(&redact(text), most)
}

/// The first faults, each cut, and how many more there are.
pub fn short_faults(faults: impl IntoIterator<Item = Fault>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = faults.into_iter().collect();
    if faults.len() > FAULTS {
        let more = faults.len() - (FAULTS - 1);
        faults.truncate(FAULTS - 1);
        faults.push(Fault::at("", format!("and {more} more faults")));
    }
    for fault in &mut faults {
        fault.path = short(&fault.path, PATH);
        fault.message = short(&fault.message, MESSAGE);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_once() {
        for sign in ["a", "é", "漢", "🐙", "e\u{301}"] {
            for length in 0..80 {
                let text = sign.repeat(length);
                let once = cut(&text, NAME);
                assert!(once.chars().count() <= NAME + 1, "{once}");
                assert_eq!(once == text, text.chars().count() <= NAME, "{once}");
                assert!(text.starts_with(once.trim_end_matches('…')));
                assert_eq!(once.ends_with('…'), once != text);
                assert_eq!(cut(&once, NAME), once);
            }
        }
    }

    #[test]
    fn no_part_of_a_key_stays_wherever_the_border_is() {
        for key in ["sk-or-v1-0123456789abcdef", "sk-proj-0123456789abcdef"] {
            for before in 0..=NAME + 2 {
                for sign in ["-", "é", "🐙"] {
                    let text = format!("{}{key} and more", sign.repeat(before));
                    let short = short(&text, NAME);
                    assert!(!short.contains("sk-"), "{short}");
                    assert!(!short.contains("0123"), "{short}");
                    assert!(short.chars().count() <= NAME + 1);
                }
            }
        }
    }

    #[test]
    fn of_many_faults_the_first_are_told_and_the_rest_are_counted() {
        let faults: Vec<Fault> = (0..200)
            .map(|index| Fault::at(format!("{index}"), "é".repeat(10_000)))
            .collect();
        let told = short_faults(faults);
        assert_eq!(told.len(), FAULTS);
        assert_eq!(told[0].message.chars().count(), MESSAGE + 1);
        assert_eq!(told[FAULTS - 1].message, "and 151 more faults");
        assert_eq!(short_faults(told.clone()), told);
    }
}
