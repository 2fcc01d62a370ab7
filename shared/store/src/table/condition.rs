//! Conditions on an item, built from typed attributes: of a write, of a filter, of a query's keys.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::Error;
use crate::table::expression::Expression;
use crate::table::item::{Attribute, Given, Kept, Path, Step, Words};

/// What has to hold.
#[derive(Debug)]
pub(crate) struct Condition(Test);

#[derive(Debug)]
enum Test {
    Compared(Vec<Step>, &'static str, Result<AttributeValue, Error>),
    Between(
        Vec<Step>,
        Result<AttributeValue, Error>,
        Result<AttributeValue, Error>,
    ),
    OneOf(Vec<Step>, Vec<Result<AttributeValue, Error>>),
    Begins(Vec<Step>, String),
    Length(Vec<Step>, usize),
    Fewer(Vec<Step>, usize),
    Exists(Vec<Step>),
    Missing(Vec<Step>),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

impl Condition {
    /// Both have to hold.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(match self.0 {
            Test::All(mut tests) => {
                tests.push(other.0);
                Test::All(tests)
            }
            test => Test::All(vec![test, other.0]),
        })
    }

    /// One of them has to hold.
    pub(crate) fn or(self, other: Self) -> Self {
        Self(match self.0 {
            Test::Any(mut tests) => {
                tests.push(other.0);
                Test::Any(tests)
            }
            test => Test::Any(vec![test, other.0]),
        })
    }

    pub(crate) fn render(self, into: &mut Expression) -> String {
        self.0.render(into)
    }
}

impl Test {
    fn render(self, into: &mut Expression) -> String {
        match self {
            Self::Compared(at, operator, value) => {
                format!("{} {operator} {}", into.name(&at), into.value(value))
            }
            Self::Between(at, from, to) => {
                let (from, to) = (into.value(from), into.value(to));
                format!("{} BETWEEN {from} AND {to}", into.name(&at))
            }
            Self::OneOf(at, values) => {
                let at = into.name(&at);
                let values: Vec<String> =
                    values.into_iter().map(|value| into.value(value)).collect();
                format!("{at} IN ({})", values.join(", "))
            }
            Self::Begins(at, prefix) => {
                let prefix = into.value(Ok(AttributeValue::S(prefix)));
                format!("begins_with({}, {prefix})", into.name(&at))
            }
            Self::Length(at, length) => {
                let length = into.value(length.write());
                format!("size({}) = {length}", into.name(&at))
            }
            Self::Fewer(at, length) => {
                let length = into.value(length.write());
                format!("size({}) < {length}", into.name(&at))
            }
            Self::Exists(at) => format!("attribute_exists({})", into.name(&at)),
            Self::Missing(at) => format!("attribute_not_exists({})", into.name(&at)),
            Self::Not(test) => format!("NOT {}", test.render(into)),
            Self::All(tests) => joined(tests, " AND ", into),
            Self::Any(tests) => joined(tests, " OR ", into),
        }
    }
}

/// A part that is itself made of several tests stands in parentheses.
fn joined(tests: Vec<Test>, word: &str, into: &mut Expression) -> String {
    let parts: Vec<String> = tests
        .into_iter()
        .map(|test| {
            let is_joined = matches!(test, Test::All(_) | Test::Any(_));
            let text = test.render(into);
            if is_joined { format!("({text})") } else { text }
        })
        .collect();
    parts.join(word)
}

impl<T> Path<T> {
    fn compared(self, operator: &'static str, value: impl Given<T>) -> Condition {
        Condition(Test::Compared(self.into_steps(), operator, value.value()))
    }

    /// It is this value.
    pub(crate) fn is(self, value: impl Given<T>) -> Condition {
        self.compared("=", value)
    }

    /// It is there.
    pub(crate) fn exists(self) -> Condition {
        Condition(Test::Exists(self.into_steps()))
    }

    /// It is not there.
    pub(crate) fn missing(self) -> Condition {
        Condition(Test::Missing(self.into_steps()))
    }
}

impl<T> Attribute<T> {
    /// It is this value.
    pub(crate) fn is(self, value: impl Given<T>) -> Condition {
        self.path().is(value)
    }

    /// It is another value, or not there.
    pub(crate) fn is_not(self, value: impl Given<T>) -> Condition {
        Condition(Test::Not(Box::new(self.is(value).0)))
    }

    /// It is less than this value; of a time: earlier.
    pub(crate) fn is_below(self, value: impl Given<T>) -> Condition {
        self.path().compared("<", value)
    }

    /// It is this value or less.
    pub(crate) fn is_at_most(self, value: impl Given<T>) -> Condition {
        self.path().compared("<=", value)
    }

    /// It is this value or more.
    pub(crate) fn is_at_least(self, value: impl Given<T>) -> Condition {
        self.path().compared(">=", value)
    }

    /// It is one of these values, or lies between them.
    pub(crate) fn is_between(self, from: impl Given<T>, to: impl Given<T>) -> Condition {
        let steps = self.path().into_steps();
        Condition(Test::Between(steps, from.value(), to.value()))
    }

    /// It is one of these values.
    pub(crate) fn is_one_of<V: Given<T>>(self, values: impl IntoIterator<Item = V>) -> Condition {
        let values = values.into_iter().map(Given::value).collect();
        Condition(Test::OneOf(self.path().into_steps(), values))
    }

    /// It is there.
    pub(crate) fn exists(self) -> Condition {
        self.path().exists()
    }

    /// It is not there.
    pub(crate) fn missing(self) -> Condition {
        self.path().missing()
    }
}

impl<T> Attribute<Vec<T>> {
    /// It is a list of so many elements.
    pub(crate) fn has_length(self, length: usize) -> Condition {
        Condition(Test::Length(self.path().into_steps(), length))
    }
}

impl Attribute<Words> {
    /// It is a set of fewer words than so many, or not there.
    pub(crate) fn has_fewer_than(self, count: usize) -> Condition {
        let fewer = Condition(Test::Fewer(self.path().into_steps(), count));
        self.missing().or(fewer)
    }
}

impl Attribute<String> {
    /// It begins so.
    pub(crate) fn begins_with(self, prefix: impl Into<String>) -> Condition {
        Condition(Test::Begins(self.path().into_steps(), prefix.into()))
    }
}
