//! Halves of characters. JSON writes a character past U+FFFF as two escapes (`"\ud83d\ude00"`). Software that counts in
//! UTF-16, as JavaScript does, may cut a text between them: one event then ends with the first half and the next begins
//! with the second. A half alone is no text, and the JSON reader refuses it.
//!
//! So halves that stand alone are marked before JSON is read, and joined once the text is complete.

use std::borrow::Cow;

use serde_json::Value;

/// The mark, which stands before a half. It is a noncharacter: Unicode keeps it for use within programs, so no text has it.
const MARK: char = '\u{fdd0}';

/// A half's number within the mark: from the private use area, where 0xD800 becomes 0xE000.
const SHIFT: u32 = 0x800;

/// What stands for a half whose other half is missing.
const REPLACEMENT: &str = "\u{fffd}";

/// The JSON with a mark at every half that stands alone, so that it can be read.
pub(crate) fn mark(json: &str) -> Cow<'_, str> {
    change(json, |half| {
        let number = char::from_u32(half + SHIFT).unwrap_or(char::REPLACEMENT_CHARACTER);
        format!("{MARK}{number}")
    })
}

/// The JSON with U+FFFD in the place of every half that stands alone. For a text that is not sent in pieces.
pub(crate) fn replace(json: &str) -> Cow<'_, str> {
    change(json, |_| REPLACEMENT.to_owned())
}

/// The text with its marked halves joined. A half without its other half beside it becomes U+FFFD.
pub(crate) fn join(text: String) -> String {
    if !text.contains(MARK) {
        return text;
    }
    let mut joined = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(MARK) {
        joined.push_str(before);
        let (first, after) = marked(after);
        rest = after;
        let second = rest.strip_prefix(MARK).map(marked);
        match (first, second) {
            (Some(high), Some((Some(low), after))) if is_pair(high, low) => {
                joined.extend(char::from_u32(character(high, low)));
                rest = after;
            }
            _ => joined.push_str(REPLACEMENT),
        }
    }
    joined.push_str(rest);
    joined
}

/// The text up to a half whose other half may still come.
pub(crate) fn without_open_half(text: &str) -> &str {
    let mut rest = text;
    while let Some((at, _)) = rest.char_indices().next_back() {
        let Some(before) = rest.get(..at).and_then(|before| before.strip_suffix(MARK)) else {
            break;
        };
        rest = before;
    }
    rest
}

/// Joins the halves in every text of a value.
pub(crate) fn join_all(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(join(text)),
        Value::Array(items) => items.into_iter().map(join_all).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (join(name), join_all(value)))
            .collect(),
        other => other,
    }
}

/// The half that follows a mark, and the text after it.
fn marked(text: &str) -> (Option<u32>, &str) {
    let mut chars = text.chars();
    let half = chars
        .next()
        .map(|number| u32::from(number).wrapping_sub(SHIFT))
        .filter(|half| is_half(*half));
    match half {
        Some(half) => (Some(half), chars.as_str()),
        None => (None, text),
    }
}

/// JSON with what `instead` gives for each escape of a half without its other half.
fn change(json: &str, instead: impl Fn(u32) -> String) -> Cow<'_, str> {
    let mut changed = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(next) = json.get(at..).and_then(|rest| rest.find('\\')) {
        let start = at + next;
        let Some(half) = half_at(json, start) else {
            // Another escape: a backslash and what it escapes, which may be a backslash too.
            at = start + 2;
            continue;
        };
        let end = start + ESCAPE;
        if half_at(json, end).is_some_and(|low| is_pair(half, low)) {
            at = end + ESCAPE;
            continue;
        }
        changed.push_str(json.get(kept..start).unwrap_or_default());
        changed.push_str(&instead(half));
        kept = end;
        at = end;
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    changed.push_str(json.get(kept..).unwrap_or_default());
    Cow::Owned(changed)
}

/// The length of `\ud83d`.
const ESCAPE: usize = 6;

/// The half that is escaped at this place of the JSON.
fn half_at(json: &str, at: usize) -> Option<u32> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let half = u32::from_str_radix(digits, 16).ok()?;
    (is_hex && is_half(half)).then_some(half)
}

fn is_half(unit: u32) -> bool {
    (0xd800..0xe000).contains(&unit)
}

fn is_pair(high: u32, low: u32) -> bool {
    (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low)
}

fn character(high: u32, low: u32) -> u32 {
    0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> String {
        let pieces = pieces
            .iter()
            .map(|piece| serde_json::from_str::<String>(&mark(&format!("\"{piece}\""))).unwrap());
        join(pieces.collect())
    }

    #[test]
    fn halves_are_joined_across_pieces() {
        for (pieces, text) in [
            (&[r"a\ud83d", r"\ude00b"][..], "a😀b"),
            (&[r"\uD83D", "", r"\uDE00"], "😀"),
            (&[r"\ud83d", r"\ude00\ud83d", r"\ude00"], "😀😀"),
            (&[r"\udbff", r"\udfff"], "\u{10ffff}"),
            (&[r"\ud800", r"\udc00"], "\u{10000}"),
        ] {
            assert_eq!(read(pieces), text, "{pieces:?}");
        }
    }

    #[test]
    fn a_half_without_the_other_is_replaced() {
        for (pieces, text) in [
            (&[r"a\ud83d"][..], "a�"),
            (&[r"\ude00a"], "�a"),
            (&[r"\ud83d", "a", r"\ude00"], "�a�"),
            (&[r"\ude00", r"\ud83d"], "��"),
            (&[r"\ud83d\ud83d", r"\ude00"], "�😀"),
            (&[r"\ud83d\n"], "�\n"),
        ] {
            assert_eq!(read(pieces), text, "{pieces:?}");
        }
        let whole: String = serde_json::from_str(&replace(r#""a\ud83db""#)).unwrap();
        assert_eq!(whole, "a�b");
    }

    #[test]
    fn what_is_handed_on_early_has_no_half_that_waits_for_the_other() {
        let pieces = [
            "a", r"\ud83d", r"\ude00", "b", r"\ude00", "c", "d", r"\ud83d",
        ];
        let (mut whole, mut told, mut heard) = (String::new(), 0, String::new());
        for piece in pieces {
            let piece: String = serde_json::from_str(&mark(&format!("\"{piece}\""))).unwrap();
            whole.push_str(&piece);
            let ready = without_open_half(&whole[told..]);
            told += ready.len();
            heard.push_str(&join(ready.to_owned()));
        }
        assert_eq!(heard, "a😀b�cd");
        assert!(join(whole).starts_with(&heard));
    }

    #[test]
    fn what_is_no_half_alone_stays_as_it_is() {
        for json in [
            r#""\ud83d\ude00""#,
            r#""\uD83D\uDE00""#,
            r#""\\ud83d""#,
            r#""\\\\ud83d \\\" \u00e9 \ue000""#,
            r#""\u+d83""#,
            r#""\ud83""#,
            "\"😀 ud83d é\\",
            "\"\\é",
            "\"\\uд83d",
        ] {
            assert!(
                matches!(mark(json), Cow::Borrowed(same) if same == json),
                "{json}"
            );
        }
        // An escaped backslash, then a half.
        assert_eq!(read(&[r"\\\ud83d", r"\ude00\\ude00"]), "\\😀\\ude00");
    }

    #[test]
    fn every_text_of_a_value_is_joined() {
        let marked: Value =
            serde_json::from_str(&mark(r#"{"a":["\ud83d",{"b":"x\ude00"}],"c":1}"#)).unwrap();
        assert_eq!(
            join_all(marked),
            serde_json::json!({"a": ["�", {"b": "x�"}], "c": 1})
        );
    }
}
