//! The text of a credential's secret: how a key is written in it and read from it.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use steps_key::{ApiKey, CredentialType, MalformedApiKey};

use crate::Error;

/// An OpenRouter key as it is stored: an object that names the credential's type. A credential of another type can have
/// other fields.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// The key.
    pub api_key: ApiKey,
    /// OpenRouter's id of the key, where the key was made through its API. It is needed to disable the key there.
    pub hash: Option<String>,
    /// Of a key that a rotation has made: the version of the secret that it was made in place of.
    pub replaces: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    /// Missing in secrets that were stored when there was only one type.
    #[serde(rename = "type", default)]
    credential_type: CredentialType,
    #[serde(default)]
    api_key: Option<SecretString>,
    #[serde(default)]
    hash: Option<String>,
    #[serde(default)]
    replaces: Option<String>,
}

impl StoredKey {
    /// A key that its owner made, not the API.
    pub fn new(api_key: ApiKey) -> Self {
        Self {
            api_key,
            hash: None,
            replaces: None,
        }
    }

    /// Reads the secret of the credential of this id.
    pub(crate) fn parse(id: &str, text: &SecretString) -> Result<Self, Error> {
        let unreadable = || Error::Unreadable { id: id.to_owned() };
        let fields: Fields =
            serde_json::from_str(text.expose_secret()).map_err(|_| unreadable())?;
        if fields.credential_type != CredentialType::OpenRouter {
            return Err(Error::OtherType {
                id: id.to_owned(),
                wanted: CredentialType::OpenRouter,
            });
        }
        let api_key = fields.api_key.ok_or_else(unreadable)?;
        let api_key = ApiKey::parse(api_key.expose_secret());
        Ok(Self {
            api_key: api_key.map_err(|malformed| Error::Malformed {
                id: id.to_owned(),
                malformed,
            })?,
            hash: fields.hash,
            replaces: fields.replaces,
        })
    }

    pub(crate) fn text(&self) -> String {
        let (of_type, key) = (CredentialType::OpenRouter, self.api_key.expose());
        let mut fields = serde_json::Map::new();
        fields.insert("type".to_owned(), serde_json::json!(of_type));
        fields.insert("apiKey".to_owned(), key.into());
        for (name, value) in [("hash", &self.hash), ("replaces", &self.replaces)] {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value.as_str().into());
            }
        }
        serde_json::Value::Object(fields).to_string()
    }
}

/// The key in a secret that a person wrote: the whole text, or `{"apiKey": ...}`.
///
/// # Errors
/// [`MalformedApiKey`] where the text has neither form.
pub fn api_key_in(text: &SecretString) -> Result<ApiKey, MalformedApiKey> {
    let fields: Option<Fields> = serde_json::from_str(text.expose_secret()).ok();
    let named = fields.as_ref().and_then(|fields| fields.api_key.as_ref());
    let key = named.unwrap_or(text);
    ApiKey::parse(key.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<StoredKey, Error> {
        StoredKey::parse("c1", &SecretString::from(text))
    }

    #[test]
    fn a_key_comes_back_as_it_was_stored_and_shows_in_no_debug() {
        let made = StoredKey {
            hash: Some("4f2c".to_owned()),
            replaces: Some("v1".to_owned()),
            ..StoredKey::new(ApiKey::parse("sk-or-v1-abc").unwrap())
        };
        assert!(made.text().contains(r#""type":"openrouter""#));
        let read = parse(&made.text()).unwrap();
        assert_eq!(read.api_key.expose(), "sk-or-v1-abc");
        assert_eq!(read.hash.as_deref(), Some("4f2c"));
        assert!(!format!("{read:?}").contains("abc"));
    }

    #[test]
    fn a_key_that_was_stored_without_a_type_is_read() {
        let older = parse(r#"{"apiKey": "sk-or-v1-abc"}"#).unwrap();
        assert_eq!(older.api_key.expose(), "sk-or-v1-abc");
        assert_eq!(older.hash, None);
    }

    #[test]
    fn what_is_no_stored_key_is_refused_and_not_repeated() {
        for text in [
            "sk-or-v1-abc",
            r#"{"type": "ftp", "apiKey": "sk-or-v1-abc"}"#,
            r#"{"type": "openrouter", "token": "abc"}"#,
        ] {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{error}");
        }
        let error = parse(r#"{"type": "http", "auth": "bearer", "token": "abc"}"#).unwrap_err();
        assert!(matches!(error, Error::OtherType { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("abc"), "{error}");
        let error = parse(r#"{"apiKey": "abc"}"#).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("abc"), "{error}");
    }

    #[test]
    fn a_person_may_store_a_key_as_text_or_as_an_object() {
        for text in ["sk-or-v1-abc", r#"{"apiKey": "sk-or-v1-abc"}"#] {
            let key = api_key_in(&SecretString::from(text)).unwrap();
            assert_eq!(key.expose(), "sk-or-v1-abc");
        }
        assert!(api_key_in(&SecretString::from("{}")).is_err());
    }
}
