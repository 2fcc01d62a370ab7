//! Amounts in USD, with exactly the digits that OpenRouter sent.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde::ser::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Reads a number's own digits, such as `0.0000057915`, `3.3e-6` or `"0.00000015"`.
pub(crate) fn parse(text: &str) -> Option<Decimal> {
    let text = text.trim().trim_matches('"').trim();
    let Some((_, exponent)) = text.split_once(['e', 'E']) else {
        return Decimal::from_str(text).ok();
    };
    Decimal::from_scientific(text)
        .or_else(|_| Decimal::from_scientific_lossy(text))
        .ok()
        // A decimal has 28 places. Smaller amounts do not matter.
        .or_else(|| (exponent.parse::<i64>().ok()? < 0).then_some(Decimal::ZERO))
}

/// Reads a JSON number, or a string of one, without going through a float.
pub(crate) fn option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(from)?;
    Ok(raw.and_then(|raw| parse(raw.get())))
}

/// Writes a JSON number with the decimal's own digits.
pub(crate) fn number<S: Serializer>(amount: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
    let raw = amount
        .map(|amount| RawValue::from_string(amount.to_string()))
        .transpose()
        .map_err(S::Error::custom)?;
    raw.serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stay_as_they_came() {
        for (text, want) in [
            ("0", Some("0")),
            ("0.0000057915", Some("0.0000057915")),
            ("3.3e-6", Some("0.0000033")),
            ("1.2E-05", Some("0.000012")),
            ("1e2", Some("100")),
            ("\"0.00000015\"", Some("0.00000015")),
            ("0.1234567890123456", Some("0.1234567890123456")),
            ("-1", Some("-1")),
            ("1e-40", Some("0")),
            (
                "5.791500000000001e-14",
                Some("0.0000000000000579150000000000"),
            ),
            ("null", None),
            ("[]", None),
            ("", None),
            ("abc", None),
        ] {
            assert_eq!(
                parse(text).map(|d| d.to_string()).as_deref(),
                want,
                "{text}"
            );
        }
    }
}
