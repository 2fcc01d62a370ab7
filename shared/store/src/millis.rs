//! How times are written, in the table and in answers: RFC 3339 in UTC with milliseconds. Their order as texts is their
//! order in time. For serde: `#[serde(with = "millis")]`, and `millis::option` for a time that may be absent.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The time as it is written, such as `2026-11-24T16:00:00.500Z`.
pub fn text(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Writes it.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    text(*at).serialize(to)
}

/// Reads any RFC 3339 time.
///
/// # Errors
/// The deserializer's, and for a text that is no time.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// The same form for a time that may be absent.
pub mod option {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Timestamp, text};

    /// Writes it, or null.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        at.map(text).serialize(to)
    }

    /// Reads any RFC 3339 time, or null.
    ///
    /// # Errors
    /// The deserializer's, and for a text that is no time.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        #[serde(with = "super")]
        at: Timestamp,
        #[serde(
            default,
            with = "super::option",
            skip_serializing_if = "Option::is_none"
        )]
        until: Option<Timestamp>,
    }

    #[test]
    fn a_time_has_three_decimals_whatever_it_had() {
        let row: Row = serde_json::from_str(r#"{"at":"2026-11-24T16:00:00Z"}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"at":"2026-11-24T16:00:00.000Z"}"#
        );
        let both = Row {
            until: Some(row.at),
            ..row
        };
        let text = serde_json::to_string(&both).unwrap();
        assert!(
            text.ends_with(r#""until":"2026-11-24T16:00:00.000Z"}"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), both);
        assert!(serde_json::from_str::<Row>(r#"{"at":"yesterday"}"#).is_err());
    }
}
