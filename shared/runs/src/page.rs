//! Pages of a list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Error;
use crate::attribute::{Item, s};

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// Opaque; asks for the next page. `None` on the last.
    pub cursor: Option<String>,
}

/// A cursor is the key after which to go on; every key attribute here is text.
pub(crate) fn encode(key: &Item) -> Option<String> {
    let fields: std::collections::BTreeMap<&str, &str> = key
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_s().ok()?.as_str())))
        .collect();
    let text = serde_json::to_string(&fields).ok()?;
    Some(URL_SAFE_NO_PAD.encode(text))
}

pub(crate) fn decode(cursor: &str) -> Result<Item, Error> {
    let text = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| Error::BadCursor)?;
    let fields: std::collections::BTreeMap<String, String> =
        serde_json::from_slice(&text).map_err(|_| Error::BadCursor)?;
    Ok(fields
        .into_iter()
        .map(|(name, value)| (name, s(value)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_the_key_it_was() {
        let key = Item::from([("pk".to_owned(), s("RUN#1")), ("sk".to_owned(), s("RUN"))]);
        let cursor = encode(&key).unwrap();
        assert!(
            cursor
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
        assert_eq!(decode(&cursor).unwrap(), key);
        for wrong in ["", "!", "e30x", "bm90IGpzb24"] {
            assert!(matches!(decode(wrong), Err(Error::BadCursor)), "{wrong}");
        }
    }
}
