//! Writes of one item, built from typed attributes: a change of what is there, an item put whole, a deletion.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::Error;
use crate::table::condition::Condition;
use crate::table::expression::{Expression, Names, Values};
use crate::table::item::{Attribute, Given, Item, Kept, Path};
use crate::table::key::Key;

/// One write, to be made alone ([`Table::write`](crate::table::Table::write)) or in a transaction.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) key: Key,
    pub(crate) kind: Kind,
    pub(crate) condition: Option<Condition>,
    pub(crate) expression: Expression,
    /// Whether a refusal gives the item as it is.
    pub(crate) tells: bool,
}

/// What a write does to its item.
#[derive(Debug)]
pub(crate) enum Kind {
    /// It is changed by an update expression; the item is made where there is none.
    Update(String),
    /// The whole item is put.
    Put(Result<Item, Error>),
    /// It is deleted.
    Delete,
}

/// The texts of a write's expressions, with their names and values.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<Names>,
    pub(crate) values: Option<Values>,
}

impl Write {
    /// Renders the condition, and gives all texts.
    pub(crate) fn parts(
        condition: Option<Condition>,
        mut expression: Expression,
    ) -> Result<Parts, Error> {
        let condition = condition.map(|condition| condition.render(&mut expression));
        let (names, values) = expression.parts()?;
        Ok(Parts {
            condition,
            names,
            values,
        })
    }
}

/// A change of an item: what is set, added and removed, all at once.
#[derive(Debug)]
#[must_use]
pub(crate) struct Change {
    key: Key,
    condition: Option<Condition>,
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    delete: Vec<String>,
    expression: Expression,
    tells: bool,
}

impl Change {
    /// A change of the item with this key. It changes nothing yet.
    pub(crate) fn of(key: Key) -> Self {
        Self {
            key,
            condition: None,
            set: Vec::new(),
            add: Vec::new(),
            remove: Vec::new(),
            delete: Vec::new(),
            expression: Expression::default(),
            tells: false,
        }
    }

    /// Adds a condition: the change is made only where this and all earlier conditions hold.
    pub(crate) fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(match self.condition.take() {
            Some(before) => before.and(condition),
            None => condition,
        });
        self
    }

    /// Lets a refusal in a transaction give the item as it is.
    pub(crate) fn telling(mut self) -> Self {
        self.tells = true;
        self
    }

    /// Sets an attribute.
    pub(crate) fn set<T>(mut self, at: impl Into<Path<T>>, value: impl Given<T>) -> Self {
        let (at, value) = self.operands(at, value);
        self.set.push(format!("{at} = {value}"));
        self
    }

    /// Sets an attribute to what another one was before this change.
    pub(crate) fn set_from<T>(
        mut self,
        at: impl Into<Path<AttributeValue>>,
        from: Attribute<T>,
    ) -> Self {
        let at = self.expression.name(at.into().steps());
        let from = self.expression.name(from.path().steps());
        self.set.push(format!("{at} = {from}"));
        self
    }

    /// Sets an attribute that the item does not have.
    pub(crate) fn set_once<T>(mut self, at: impl Into<Path<T>>, value: impl Given<T>) -> Self {
        let (at, value) = self.operands(at, value);
        self.set
            .push(format!("{at} = if_not_exists({at}, {value})"));
        self
    }

    /// Sets an attribute, or removes it.
    pub(crate) fn set_or_remove<T>(self, at: Attribute<T>, value: Option<impl Given<T>>) -> Self {
        match value {
            Some(value) => self.set(at, value),
            None => self.remove(at),
        }
    }

    /// Adds an element to the end of a list, which is made where there is none.
    pub(crate) fn append<T: Kept>(mut self, at: Attribute<Vec<T>>, element: &T) -> Self {
        let at = self.expression.name(at.path().steps());
        let none = self.expression.value(Ok(AttributeValue::L(Vec::new())));
        let element = element
            .write()
            .map(|element| AttributeValue::L(vec![element]));
        let element = self.expression.value(element);
        self.set.push(format!(
            "{at} = list_append(if_not_exists({at}, {none}), {element})"
        ));
        self
    }

    /// Subtracts an amount from a number, which has to exist.
    pub(crate) fn subtract<T>(mut self, at: Attribute<T>, amount: impl Given<T>) -> Self {
        let (at, amount) = self.operands(at, amount);
        self.set.push(format!("{at} = {at} - {amount}"));
        self
    }

    /// Adds an amount to a number, which counts as `begin` where there is none.
    pub(crate) fn add_to<T>(
        mut self,
        at: Attribute<T>,
        begin: impl Given<T>,
        amount: impl Given<T>,
    ) -> Self {
        let (at, begin) = self.operands(at, begin);
        let amount = self.expression.value(amount.value());
        self.set
            .push(format!("{at} = if_not_exists({at}, {begin}) + {amount}"));
        self
    }

    /// Adds an amount to a number, which counts as 0 where there is none; or elements to a set.
    pub(crate) fn add<T>(mut self, at: Attribute<T>, amount: impl Given<T>) -> Self {
        let (at, amount) = self.operands(at, amount);
        self.add.push(format!("{at} {amount}"));
        self
    }

    /// Takes these elements out of a set. A set that is empty then is no more.
    pub(crate) fn take_out<T>(mut self, at: Attribute<T>, elements: impl Given<T>) -> Self {
        let (at, elements) = self.operands(at, elements);
        self.delete.push(format!("{at} {elements}"));
        self
    }

    /// Removes it.
    pub(crate) fn remove<T>(mut self, at: impl Into<Path<T>>) -> Self {
        let at = self.expression.name(at.into().steps());
        self.remove.push(at);
        self
    }

    fn operands<T>(&mut self, at: impl Into<Path<T>>, value: impl Given<T>) -> (String, String) {
        let at = self.expression.name(at.into().steps());
        (at, self.expression.value(value.value()))
    }
}

impl From<Change> for Write {
    fn from(change: Change) -> Self {
        let clauses = [
            ("SET", change.set),
            ("REMOVE", change.remove),
            ("ADD", change.add),
            ("DELETE", change.delete),
        ];
        let text = clauses
            .into_iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(word, parts)| format!("{word} {}", parts.join(", ")))
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            key: change.key,
            kind: Kind::Update(text),
            condition: change.condition,
            expression: change.expression,
            tells: change.tells,
        }
    }
}

/// An item that is put as a whole, in place of what may be there.
#[derive(Debug)]
#[must_use]
pub(crate) struct Put {
    key: Key,
    condition: Option<Condition>,
    item: Result<Item, Error>,
    tells: bool,
}

impl Put {
    /// Of the item with this key; nothing else is in it yet.
    pub(crate) fn of(key: Key) -> Self {
        Self {
            item: Ok(key.item()),
            key,
            condition: None,
            tells: false,
        }
    }

    /// Made only where this holds for what is there.
    pub(crate) fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Lets a refusal in a transaction give the item as it is.
    pub(crate) fn telling(mut self) -> Self {
        self.tells = true;
        self
    }

    /// With this attribute.
    pub(crate) fn set<T>(mut self, attribute: Attribute<T>, value: impl Given<T>) -> Self {
        self.item = self.item.and_then(|mut item| {
            item.insert(attribute.name().to_owned(), value.value()?);
            Ok(item)
        });
        self
    }

    /// The same where there is a value.
    pub(crate) fn set_some<T>(self, attribute: Attribute<T>, value: Option<impl Given<T>>) -> Self {
        match value {
            Some(value) => self.set(attribute, value),
            None => self,
        }
    }
}

impl From<Put> for Write {
    fn from(put: Put) -> Self {
        Self {
            key: put.key,
            kind: Kind::Put(put.item),
            condition: put.condition,
            expression: Expression::default(),
            tells: put.tells,
        }
    }
}

/// The deletion of an item.
#[derive(Debug)]
#[must_use]
pub(crate) struct Delete {
    key: Key,
    condition: Option<Condition>,
}

impl Delete {
    /// Of the item with this key.
    pub(crate) fn of(key: Key) -> Self {
        Self {
            key,
            condition: None,
        }
    }

    /// Made only where this holds for what is there.
    pub(crate) fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }
}

impl From<Delete> for Write {
    fn from(delete: Delete) -> Self {
        Self {
            key: delete.key,
            kind: Kind::Delete,
            condition: delete.condition,
            expression: Expression::default(),
            tells: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::item::text;
    use crate::table::key::PK;

    const STATUS: Attribute<String> = Attribute::new("status");
    const ERROR: Attribute<String> = Attribute::new("error");
    const COUNT: Attribute<u32> = Attribute::new("count");
    const TRIES: Attribute<Vec<AttributeValue>> = Attribute::new("tries");
    const COST: Attribute<String> = Attribute::new("cost");

    fn key() -> Key {
        Key::new("A", "B")
    }

    /// The update's text, its condition, and the values in their order.
    fn built(write: impl Into<Write>) -> (String, Option<String>, Vec<AttributeValue>) {
        let write = write.into();
        let text = match write.kind {
            Kind::Update(text) => text,
            Kind::Put(item) => {
                let mut names: Vec<String> = item.unwrap().into_keys().collect();
                names.sort();
                names.join(" ")
            }
            Kind::Delete => String::new(),
        };
        let parts = Write::parts(write.condition, write.expression).unwrap();
        for (placeholder, name) in parts.names.unwrap_or_default() {
            assert_eq!(placeholder, format!("#{name}"));
        }
        let values = parts.values.unwrap_or_default();
        let values = (0..values.len()).map(|index| values[&format!(":v{index}")].clone());
        (text, parts.condition, values.collect())
    }

    #[test]
    fn a_change_sets_removes_and_adds_under_its_condition() {
        let change = Change::of(key())
            .when(STATUS.is("RUNNING").and(COUNT.is(2)))
            .set(STATUS, "FAILED")
            .set_once(ERROR, "first")
            .remove(TRIES)
            .remove(COST)
            .add(COUNT, 3);
        let (update, condition, values) = built(change);
        assert_eq!(
            update,
            "SET #status = :v0, #error = if_not_exists(#error, :v1) REMOVE #tries, #cost ADD #count :v2"
        );
        assert_eq!(condition.unwrap(), "#status = :v3 AND #count = :v4");
        let number = |number: &str| AttributeValue::N(number.to_owned());
        assert_eq!(
            values,
            [
                text("FAILED"),
                text("first"),
                number("3"),
                text("RUNNING"),
                number("2")
            ]
        );
    }

    #[test]
    fn numbers_and_lists_change_from_what_they_are() {
        let change = Change::of(key())
            .subtract(COUNT, 1)
            .add_to(COUNT, 7, 2)
            .append(TRIES, &text("one"));
        let (update, _, values) = built(change);
        assert_eq!(
            update,
            "SET #count = #count - :v0, #count = if_not_exists(#count, :v1) + :v2, \
             #tries = list_append(if_not_exists(#tries, :v3), :v4)"
        );
        assert_eq!(values[4], AttributeValue::L(vec![text("one")]));
    }

    #[test]
    fn a_place_inside_an_attribute_is_named_step_by_step() {
        let change = Change::of(key())
            .when(TRIES.at(2).field(COST).missing())
            .set(TRIES.at(2).field(COST), "1")
            .set(TRIES.path().field_named("so"), text("x"));
        let (update, condition, _) = built(change);
        assert_eq!(update, "SET #tries[2].#cost = :v0, #tries.#so = :v1");
        assert_eq!(condition.unwrap(), "attribute_not_exists(#tries[2].#cost)");
    }

    #[test]
    fn alternatives_stand_in_parentheses_within_a_conjunction() {
        let waits = STATUS.is("WAITING");
        let failed = STATUS.is("FAILED").and(COUNT.is_below(3));
        let change = Change::of(key())
            .when(TRIES.has_length(1))
            .when(waits.or(failed).or(STATUS.is_one_of(["A", "B"])))
            .remove(ERROR);
        let (_, condition, _) = built(change);
        assert_eq!(
            condition.unwrap(),
            "size(#tries) = :v0 AND (#status = :v1 OR (#status = :v2 AND #count < :v3) \
             OR #status IN (:v4, :v5))"
        );
    }

    #[test]
    fn what_is_put_has_its_key_and_what_is_deleted_its_condition() {
        let put = Put::of(key()).when(PK.missing()).set(STATUS, "NEW");
        let (names, condition, _) = built(put);
        assert_eq!(names, "pk sk status");
        assert_eq!(condition.unwrap(), "attribute_not_exists(#pk)");
        let (_, condition, values) = built(Delete::of(key()).when(STATUS.is("OLD")));
        assert_eq!(condition.unwrap(), "#status = :v0");
        assert_eq!(values, [text("OLD")]);
        assert_eq!(built(Delete::of(key())).1, None);
    }
}
