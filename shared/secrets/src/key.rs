//! What the secret of a credential holds.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// A key as it is stored: an object rather than the bare key, so that later fields need no migration.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredKey {
    /// The key.
    #[serde(rename = "apiKey")]
    pub api_key: SecretString,
    /// OpenRouter's name of the key, where the key was made through its API: what disables it there.
    #[serde(default)]
    pub hash: Option<String>,
}

impl StoredKey {
    /// A key that its owner made.
    pub fn new(api_key: SecretString) -> Self {
        Self {
            api_key,
            hash: None,
        }
    }

    pub(crate) fn parse(text: &SecretString) -> Option<Self> {
        serde_json::from_str(text.expose_secret()).ok()
    }

    pub(crate) fn text(&self) -> String {
        let key = self.api_key.expose_secret();
        match &self.hash {
            Some(hash) => serde_json::json!({ "apiKey": key, "hash": hash }),
            None => serde_json::json!({ "apiKey": key }),
        }
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_as_it_was_stored_and_shows_in_no_debug() {
        let made = StoredKey {
            hash: Some("4f2c".to_owned()),
            ..StoredKey::new(SecretString::from("sk-or-v1-abc"))
        };
        let read = StoredKey::parse(&SecretString::from(made.text())).unwrap();
        assert_eq!(read.api_key.expose_secret(), "sk-or-v1-abc");
        assert_eq!(read.hash.as_deref(), Some("4f2c"));
        assert!(!format!("{read:?}").contains("abc"));
        let older = SecretString::from(r#"{"apiKey": "sk-or-v1-abc"}"#);
        assert!(StoredKey::parse(&older).unwrap().hash.is_none());
        assert!(StoredKey::parse(&SecretString::from("sk-or-v1-abc")).is_none());
    }
}
