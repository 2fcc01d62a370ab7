//! An API key: its form, and the part of it that may be shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::redact::is_key_char;

const PREFIX: &str = "sk-or-";

/// An OpenRouter API key. It is wiped from memory on drop, and `Debug` does not show it.
#[derive(Clone)]
pub struct ApiKey(SecretString);

/// The error for a text that is not a key. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This is not an OpenRouter API key: {reason}.")]
pub struct MalformedApiKey {
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ApiKey {
    /// Reads a key as a person pastes it. Blanks around it are removed. The rest has to begin with `sk-or-` and to
    /// have only characters that a key can have. The length is not checked: OpenRouter has changed it before.
    ///
    /// # Errors
    /// [`MalformedApiKey`], which never repeats the text.
    pub fn parse(text: &str) -> Result<Self, MalformedApiKey> {
        let text = text.trim();
        let malformed = |reason| Err(MalformedApiKey { reason });
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return malformed(if text.is_empty() {
                "it is empty"
            } else {
                "it does not begin with `sk-or-`"
            });
        };
        if rest.is_empty() {
            return malformed("nothing follows `sk-or-`");
        }
        if !rest.chars().all(is_key_char) {
            return malformed("it holds a blank or another character that no key has");
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The key's last four characters, to tell one key from another.
    pub fn last_four(&self) -> String {
        let rest = self.expose().strip_prefix(PREFIX).unwrap_or_default();
        let skip = rest.chars().count().saturating_sub(4);
        rest.chars().skip(skip).collect()
    }

    /// Whether this label is the key with its middle left out, as OpenRouter writes it: `sk-or-v1-abc...890`. A label may
    /// also be a name that its owner gave, which any other key may have too.
    pub fn is_labelled(&self, label: &str) -> bool {
        let key = self.expose();
        label.split_once("...").is_some_and(|(begin, end)| {
            begin.len() > PREFIX.len()
                && !end.is_empty()
                && key.len() > begin.len() + end.len()
                && key.starts_with(begin)
                && key.ends_with(end)
        })
    }

    /// The key itself. Only for the `Authorization` header and for the vault that stores it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Two keys are equal when they are the same text.
impl PartialEq for ApiKey {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for ApiKey {}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_pasted_key() {
        let key = ApiKey::parse("  sk-or-v1-0123456789abcdef\n").unwrap();
        assert_eq!(key.expose(), "sk-or-v1-0123456789abcdef");
        assert_eq!(key.last_four(), "cdef");
        assert_eq!(format!("{key:?}"), "ApiKey(redacted)");
    }

    #[test]
    fn a_key_is_known_by_its_two_ends_and_by_no_name() {
        let key = ApiKey::parse("sk-or-v1-abcdefghijklmnopqrstuvwxyz567890").unwrap();
        assert!(key.is_labelled("sk-or-v1-abc...890"));
        for other in [
            "main",
            "",
            "...",
            "sk-or-...890",
            "sk-or-v1-abc...",
            "sk-or-v1-abd...890",
            "sk-or-v1-abc...891",
            "sk-or-v1-abcdefghijklmnopqrstuvwxyz567890",
        ] {
            assert!(!key.is_labelled(other), "{other}");
        }
    }

    #[test]
    fn refuses_what_is_no_key_without_repeating_it() {
        for text in [
            "",
            "   ",
            "sk-or-",
            "sk-proj-secret",
            "Bearer sk-or-v1-secret",
            "sk-or-v1-sec ret",
            "sk-or-v1-secret\r\nX: y",
            "sk-or-v1-secrét",
            "\"sk-or-v1-secret\"",
        ] {
            let error = ApiKey::parse(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("secr"), "{shown}");
        }
    }
}
