//! Reading and writing single attributes of an item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::Error;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn n(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Times are RFC 3339 in UTC with milliseconds, so that text order is time order.
pub(crate) fn time(at: Timestamp) -> AttributeValue {
    s(rfc3339(at))
}

pub(crate) fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

pub(crate) fn get_s<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Error> {
    find_s(item, name).ok_or(Error::Malformed { attribute: name })
}

pub(crate) fn find_s<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(crate) fn get_n<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<T, Error> {
    find_n(item, name).ok_or(Error::Malformed { attribute: name })
}

pub(crate) fn find_n<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// DynamoDB may answer a number in scientific notation.
pub(crate) fn find_decimal(item: &Item, name: &str) -> Option<Decimal> {
    let text = item.get(name)?.as_n().ok()?;
    text.parse()
        .or_else(|_| Decimal::from_scientific(text))
        .ok()
        .map(|number: Decimal| number.normalize())
}

pub(crate) fn get_time(item: &Item, name: &'static str) -> Result<Timestamp, Error> {
    find_time(item, name).ok_or(Error::Malformed { attribute: name })
}

pub(crate) fn find_time(item: &Item, name: &str) -> Option<Timestamp> {
    find_s(item, name)?.parse().ok()
}

/// A value of a type with a serde shape, as attributes.
pub(crate) fn nested<T: serde::Serialize>(
    value: &T,
    name: &'static str,
) -> Result<AttributeValue, Error> {
    serde_dynamo::to_attribute_value(value).map_err(|_| Error::Malformed { attribute: name })
}

/// The reverse of [`nested`]; `None` where the attribute is absent.
pub(crate) fn find_nested<T: serde::de::DeserializeOwned>(
    item: &Item,
    name: &'static str,
) -> Result<Option<T>, Error> {
    item.get(name)
        .map(|value| serde_dynamo::from_attribute_value(value.clone()))
        .transpose()
        .map_err(|_| Error::Malformed { attribute: name })
}
