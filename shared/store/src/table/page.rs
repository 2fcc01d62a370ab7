//! Pages of a list, and the cursors between them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::table::item::{Item, text};

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// The cursor for the next page; `None` on the last one.
    pub cursor: Option<String>,
}

/// The cursor for a place in a list. Callers hand it back without reading it.
pub fn to_cursor(place: &impl Serialize) -> Option<String> {
    let text = serde_json::to_vec(place).ok()?;
    Some(URL_SAFE_NO_PAD.encode(text))
}

/// Longer than any cursor, and so short that no key in it is too long for DynamoDB.
const LONGEST: usize = 1024;

/// The place in the list that a cursor names.
///
/// # Errors
/// [`Error::BadCursor`] for a text that [`to_cursor`] did not make.
pub fn from_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Error> {
    if cursor.len() > LONGEST {
        return Err(Error::BadCursor);
    }
    let text = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| Error::BadCursor)?;
    serde_json::from_slice(&text).map_err(|_| Error::BadCursor)
}

/// The cursor for the key after which a query goes on. All key attributes are texts.
pub(crate) fn key_cursor(key: &Item) -> Option<String> {
    let fields: BTreeMap<&str, &str> = key
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_s().ok()?.as_str())))
        .collect();
    to_cursor(&fields)
}

/// The key that such a cursor names.
pub(crate) fn cursor_key(cursor: &str) -> Result<Item, Error> {
    let fields: BTreeMap<String, String> = from_cursor(cursor)?;
    Ok(fields
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    #[test]
    fn a_cursor_comes_back_as_the_key_it_was() {
        let key = keys::run("1").item();
        let cursor = key_cursor(&key).unwrap();
        assert!(
            cursor
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
        assert_eq!(cursor_key(&cursor).unwrap(), key);
        for wrong in ["", "!", "e30x", "bm90IGpzb24"] {
            assert!(
                matches!(cursor_key(wrong), Err(Error::BadCursor)),
                "{wrong}"
            );
        }
    }
}
