//! The key of one item, and the key of several: the items of a partition whose sort keys begin with the same text.

use crate::Error;
use crate::table::item::{Attribute, Item, text};

/// The partition and the place in it of one item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The partition key, `pk`.
    pub pk: String,
    /// The sort key, `sk`.
    pub sk: String,
}

impl Key {
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    /// Whether the item has this key.
    pub(crate) fn is_of(&self, item: &Item) -> Result<bool, Error> {
        Ok(PK.get(item)? == self.pk && SK.get(item)? == self.sk)
    }

    /// An item that has nothing but the key.
    pub(crate) fn item(&self) -> Item {
        Item::from([
            (PK.name().to_owned(), text(&self.pk)),
            (SK.name().to_owned(), text(&self.sk)),
        ])
    }
}

/// Some items of a partition: those whose sort key begins so, in the order of their sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Under {
    pub(crate) pk: String,
    pub(crate) prefix: String,
}

impl Under {
    /// Whether the item is one of them.
    pub(crate) fn has(&self, item: &Item) -> bool {
        let at = |key: Attribute<String>| key.find(item).ok().flatten();
        at(PK).is_some_and(|pk| pk == self.pk)
            && at(SK).is_some_and(|sk| sk.starts_with(&self.prefix))
            && item.len() == 2
    }
}

pub(crate) const PK: Attribute<String> = Attribute::new("pk");
pub(crate) const SK: Attribute<String> = Attribute::new("sk");
