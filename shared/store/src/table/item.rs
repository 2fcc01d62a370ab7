//! Attributes of an item: a name with the type of what is kept under it, and how that type is written and read.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::Error;
use crate::millis;

/// An item as DynamoDB gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The name of an attribute whose value is a `T`. The schema of a record is a list of these.
#[derive(Debug)]
pub(crate) struct Attribute<T> {
    name: &'static str,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Attribute<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Attribute<T> {}

impl<T> Attribute<T> {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            of: PhantomData,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        self.name
    }

    /// A field of the map that the attribute holds.
    pub(crate) fn field<U>(self, field: Attribute<U>) -> Path<U> {
        self.path().then(Step::Field(Cow::Borrowed(field.name)))
    }

    pub(crate) fn path(self) -> Path<T> {
        Path {
            steps: vec![Step::Field(Cow::Borrowed(self.name))],
            of: PhantomData,
        }
    }

    fn malformed(self) -> Error {
        Error::Malformed {
            attribute: self.name,
        }
    }
}

impl<T: Kept> Attribute<T> {
    /// What the item keeps under this name; `None` where it has no such attribute.
    pub(crate) fn find(self, item: &Item) -> Result<Option<T>, Error> {
        match item.get(self.name) {
            Some(value) => T::read(value).map(Some).ok_or_else(|| self.malformed()),
            None => Ok(None),
        }
    }

    /// The same for an attribute that has to be there.
    pub(crate) fn get(self, item: &Item) -> Result<T, Error> {
        self.find(item)?.ok_or_else(|| self.malformed())
    }
}

impl<T> Attribute<Vec<T>> {
    /// One element of the list, counted from 0.
    pub(crate) fn at(self, index: usize) -> Path<T> {
        self.path().then(Step::Element(index))
    }
}

/// A place in an item: an attribute, or something inside of it.
#[derive(Debug, Clone)]
pub(crate) struct Path<T> {
    steps: Vec<Step>,
    of: PhantomData<fn() -> T>,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Field(Cow<'static, str>),
    Element(usize),
}

impl<T> Path<T> {
    fn then<U>(mut self, step: Step) -> Path<U> {
        self.steps.push(step);
        Path {
            steps: self.steps,
            of: PhantomData,
        }
    }

    /// A field of the map at this place.
    pub(crate) fn field<U>(self, field: Attribute<U>) -> Path<U> {
        self.then(Step::Field(Cow::Borrowed(field.name)))
    }

    /// A field whose name is known only when the program runs.
    pub(crate) fn field_named(self, name: &str) -> Path<AttributeValue> {
        self.then(Step::Field(Cow::Owned(name.to_owned())))
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

impl<T> From<Attribute<T>> for Path<T> {
    fn from(attribute: Attribute<T>) -> Self {
        attribute.path()
    }
}

/// A type that an attribute can keep.
pub(crate) trait Kept: Sized {
    /// # Errors
    /// [`Error::Malformed`] for a value that has no form in DynamoDB.
    fn write(&self) -> Result<AttributeValue, Error>;

    /// `None` for a value of another shape.
    fn read(value: &AttributeValue) -> Option<Self>;
}

/// What may be given for an attribute of type `T`: a `T`, a reference to one, and `&str` for a text.
pub(crate) trait Given<T> {
    fn value(self) -> Result<AttributeValue, Error>;
}

impl<T: Kept> Given<T> for T {
    fn value(self) -> Result<AttributeValue, Error> {
        self.write()
    }
}

impl<T: Kept> Given<T> for &T {
    fn value(self) -> Result<AttributeValue, Error> {
        self.write()
    }
}

impl Given<String> for &str {
    fn value(self) -> Result<AttributeValue, Error> {
        Ok(text(self))
    }
}

/// A text as DynamoDB keeps it.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

impl Kept for String {
    fn write(&self) -> Result<AttributeValue, Error> {
        Ok(text(self))
    }

    fn read(value: &AttributeValue) -> Option<Self> {
        value.as_s().ok().cloned()
    }
}

/// Written so that the order of the texts is the order of the times.
impl Kept for Timestamp {
    fn write(&self) -> Result<AttributeValue, Error> {
        Ok(text(millis::text(*self)))
    }

    fn read(value: &AttributeValue) -> Option<Self> {
        value.as_s().ok()?.parse().ok()
    }
}

impl Kept for Decimal {
    fn write(&self) -> Result<AttributeValue, Error> {
        Ok(AttributeValue::N(self.to_string()))
    }

    /// DynamoDB may answer a number in scientific notation.
    fn read(value: &AttributeValue) -> Option<Self> {
        let text = value.as_n().ok()?;
        text.parse()
            .or_else(|_| Decimal::from_scientific(text))
            .ok()
            .map(|number: Decimal| number.normalize())
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Kept for $number {
            fn write(&self) -> Result<AttributeValue, Error> {
                Ok(AttributeValue::N(self.to_string()))
            }

            fn read(value: &AttributeValue) -> Option<Self> {
                value.as_n().ok()?.parse().ok()
            }
        }
    )*};
}

whole_numbers!(i64, u8, u32, u64, usize);

/// Words as a set of DynamoDB: what is added to it is joined with what it has. DynamoDB has no empty set.
#[derive(Debug, Default)]
pub(crate) struct Words(pub(crate) BTreeSet<String>);

impl Kept for Words {
    fn write(&self) -> Result<AttributeValue, Error> {
        Ok(AttributeValue::Ss(self.0.iter().cloned().collect()))
    }

    fn read(value: &AttributeValue) -> Option<Self> {
        let words = value.as_ss().ok()?;
        Some(Self(words.iter().cloned().collect()))
    }
}

/// Numbers as a set of DynamoDB's: adding some to it makes it the union of both. There is no empty one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Numbers(pub(crate) BTreeSet<u32>);

impl Kept for Numbers {
    fn write(&self) -> Result<AttributeValue, Error> {
        Ok(AttributeValue::Ns(
            self.0.iter().map(u32::to_string).collect(),
        ))
    }

    fn read(value: &AttributeValue) -> Option<Self> {
        let numbers = value.as_ns().ok()?.iter().map(|number| number.parse().ok());
        numbers.collect::<Option<_>>().map(Self)
    }
}

impl Kept for Vec<u8> {
    fn write(&self) -> Result<AttributeValue, Error> {
        Ok(AttributeValue::B(Blob::new(self.as_slice())))
    }

    fn read(value: &AttributeValue) -> Option<Self> {
        value.as_b().ok().map(|bytes| bytes.as_ref().to_vec())
    }
}

/// As it is.
impl Kept for AttributeValue {
    fn write(&self) -> Result<AttributeValue, Error> {
        Ok(self.clone())
    }

    fn read(value: &AttributeValue) -> Option<Self> {
        Some(value.clone())
    }
}

/// Implements [`Kept`] for types whose serde shape is kept: a map, a list.
macro_rules! kept_by_serde {
    ($($kept:ty),*) => {$(
        impl $crate::table::item::Kept for $kept {
            fn write(&self) -> Result<aws_sdk_dynamodb::types::AttributeValue, $crate::Error> {
                serde_dynamo::to_attribute_value(self).map_err(|_| $crate::Error::Malformed {
                    attribute: stringify!($kept),
                })
            }

            fn read(value: &aws_sdk_dynamodb::types::AttributeValue) -> Option<Self> {
                serde_dynamo::from_attribute_value(value.clone()).ok()
            }
        }
    )*};
}

pub(crate) use kept_by_serde;

/// Implements [`Kept`] for a status or another word: written by its `as_str`, read by its `parse`.
macro_rules! kept_as_word {
    ($($word:ty),*) => {$(
        impl $crate::table::item::Kept for $word {
            fn write(&self) -> Result<aws_sdk_dynamodb::types::AttributeValue, $crate::Error> {
                Ok($crate::table::item::text(self.as_str()))
            }

            fn read(value: &aws_sdk_dynamodb::types::AttributeValue) -> Option<Self> {
                Self::parse(value.as_s().ok()?)
            }
        }
    )*};
}

pub(crate) use kept_as_word;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let at: Timestamp = "2026-11-24T16:00:00.5Z".parse().unwrap();
        assert_eq!(at.write().unwrap(), text("2026-11-24T16:00:00.500Z"));
        assert_eq!(Timestamp::read(&at.write().unwrap()), Some(at));
        let usd: Decimal = "0.10".parse().unwrap();
        assert_eq!(Decimal::read(&usd.write().unwrap()), Some(usd));
        let tiny = AttributeValue::N("1.5E-7".to_owned());
        assert_eq!(Decimal::read(&tiny), "0.00000015".parse().ok());
        assert_eq!(
            Vec::<u8>::read(&vec![1, 2].write().unwrap()),
            Some(vec![1, 2])
        );
        assert_eq!(u32::read(&text("1")), None);
    }

    #[test]
    fn an_attribute_tells_absent_from_another_shape() {
        const COUNT: Attribute<u32> = Attribute::new("count");
        let item = |value| Item::from([("count".to_owned(), value)]);
        assert_eq!(COUNT.find(&Item::new()).unwrap(), None);
        assert_eq!(
            COUNT.get(&item(AttributeValue::N("3".to_owned()))).unwrap(),
            3
        );
        for wrong in [COUNT.get(&Item::new()), COUNT.get(&item(text("3")))] {
            assert!(matches!(
                wrong,
                Err(Error::Malformed { attribute: "count" })
            ));
        }
    }
}
