//! The keys of an account. Only a management key may see and change them.

use std::collections::HashSet;

use reqwest::{Method, Url};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steps_key::ApiKey;

use crate::client::{Client, Data};
use crate::error::Error;
use crate::{lenient, money};

/// Most pages of a list of keys.
const MOST_PAGES: usize = 200;

/// A key as the account's list has it. Never the key itself.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct KeyRecord {
    /// The id of the key in this API. It cannot be used as a key.
    #[serde(deserialize_with = "lenient::text")]
    pub hash: String,
    /// The key with its middle left out by OpenRouter, as [`crate::KeyInfo::label`] has it.
    #[serde(deserialize_with = "lenient::string")]
    pub label: Option<String>,
    /// Its owner's name for it.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Whether OpenRouter refuses it.
    #[serde(deserialize_with = "lenient::flag")]
    pub disabled: bool,
    /// The most that it may spend, in USD; none if it has no limit.
    #[serde(deserialize_with = "money::option")]
    pub limit: Option<Decimal>,
    /// How often `limit` starts again: `daily`, `weekly`, `monthly`, or never.
    #[serde(deserialize_with = "lenient::string")]
    pub limit_reset: Option<String>,
    /// Whether what the user's own provider keys cost counts for `limit` too.
    #[serde(deserialize_with = "lenient::flag")]
    pub include_byok_in_limit: bool,
    /// When it ends, as RFC 3339.
    #[serde(deserialize_with = "lenient::string")]
    pub expires_at: Option<String>,
}

/// What a new key is to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NewKey {
    /// A name for it, shown in OpenRouter's dashboard.
    pub name: String,
    /// The most that it may spend, in USD; none for no limit.
    #[serde(
        serialize_with = "money::number",
        skip_serializing_if = "Option::is_none"
    )]
    pub limit: Option<Decimal>,
    /// How often `limit` starts again: `daily`, `weekly`, `monthly`; none for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_reset: Option<String>,
    /// Whether what the user's own provider keys cost counts for `limit` too.
    pub include_byok_in_limit: bool,
    /// When it ends, as RFC 3339; none for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A new key. OpenRouter shows it only this once.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The key.
    pub key: ApiKey,
    /// Its entry in the account's list.
    pub record: KeyRecord,
}

/// A change of a key. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// Whether OpenRouter refuses it from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    data: KeyRecord,
    key: SecretString,
}

impl Client {
    /// Makes a key. Two calls make two keys: a key that is not kept has to be found by its name and disabled.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] when `management` is no management key, and whatever else keeps it from answering.
    pub async fn create_key(&self, management: &ApiKey, new: &NewKey) -> Result<CreatedKey, Error> {
        let url = self.at("keys")?;
        let answer = self.ask(Method::POST, url, Some(management), Some(new));
        let created: Created = answer.await?.good()?.parse()?;
        Ok(CreatedKey {
            key: ApiKey::parse(created.key.expose_secret())?,
            record: created.data,
        })
    }

    /// Every key of the account, the disabled ones too.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] when `management` is no management key, and whatever keeps the list from coming whole.
    pub async fn keys(&self, management: &ApiKey) -> Result<Vec<KeyRecord>, Error> {
        let mut keys: Vec<KeyRecord> = Vec::new();
        let mut seen = HashSet::new();
        for _ in 0..MOST_PAGES {
            let mut url = self.at("keys")?;
            url.query_pairs_mut()
                .append_pair("include_disabled", "true")
                .append_pair("offset", &keys.len().to_string());
            let answer = self.ask(Method::GET, url, Some(management), None::<&()>);
            let page: Data<Vec<KeyRecord>> = answer.await?.good()?.parse()?;
            let before = keys.len();
            // A server that has no pages answers each page with the same list.
            keys.extend(
                page.data
                    .into_iter()
                    .filter(|key| seen.insert(key.hash.clone())),
            );
            if keys.len() == before {
                break;
            }
        }
        Ok(keys)
    }

    /// Changes a key; gives it as it is then.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] when `management` is no management key, and whatever else keeps it from answering,
    /// such as a hash that names no key.
    pub async fn change_key(
        &self,
        management: &ApiKey,
        hash: &str,
        change: &KeyChange,
    ) -> Result<KeyRecord, Error> {
        let answer = self.ask(
            Method::PATCH,
            self.key_url(hash)?,
            Some(management),
            Some(change),
        );
        let changed: Data<KeyRecord> = answer.await?.good()?.parse()?;
        Ok(changed.data)
    }

    fn key_url(&self, hash: &str) -> Result<Url, Error> {
        let mut url = self.at("keys")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(hash);
        }
        Ok(url)
    }
}
