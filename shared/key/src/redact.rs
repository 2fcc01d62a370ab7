//! Removes keys, and tokens of the API, from texts.

const REMOVED: &str = "[key removed]";

/// The characters that a key is made of.
pub(crate) fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The text without anything that looks like a key or a token of the API. A key of OpenRouter is found anywhere in the
/// text, a key of another vendor only at the beginning of a word.
#[must_use]
pub fn redact(text: &str) -> String {
    without_tokens(&without_keys(text))
}

/// The text without the secrets of tokens, `os_<id>_<secret>`. The id stays: it is no secret, and says which one it was.
fn without_tokens(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(TOKEN) {
        let (before, from) = rest.split_at(at + TOKEN.len());
        kept.push_str(before);
        rest = match from.split_once('_') {
            Some((id, secret)) if is_hex(id, ID_DIGITS) && begins_hex(secret, FEWEST_DIGITS) => {
                kept.push_str(id);
                kept.push('_');
                kept.push_str("[token removed]");
                secret.trim_start_matches(|c: char| c.is_ascii_hexdigit())
            }
            _ => from,
        };
    }
    kept.push_str(rest);
    kept
}

/// What a token begins with.
const TOKEN: &str = "os_";
/// The digits of its id.
const ID_DIGITS: usize = 32;
/// So many digits of its secret, or more, are taken out: a text may have been cut within it.
const FEWEST_DIGITS: usize = 8;

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn begins_hex(text: &str, length: usize) -> bool {
    text.get(..length)
        .is_some_and(|begin| is_hex(begin, length))
}

fn without_keys(text: &str) -> String {
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
            (
                "Bearer os_019ab00000007000800000000000000a_0123456789abcdef0123, wrong",
                "Bearer os_019ab00000007000800000000000000a_[token removed], wrong",
            ),
            (
                "os_os_1_2 and pos_x_0123456789",
                "os_os_1_2 and pos_x_0123456789",
            ),
        ] {
            assert_eq!(redact(text), want);
        }
    }
}
