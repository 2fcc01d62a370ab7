//! Variables of the deployment: values that the templates of all workflows read as `vars`. They are no secrets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::keys;
use crate::table::key::PK;
use crate::table::{Attribute, Delete, Item, Put, Query, Table};
use crate::{Error, Record};

/// A variable of the deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Var {
    /// The name that templates read it by.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// When it was set.
    pub changed_at: Timestamp,
}

const NAME: Attribute<String> = Attribute::new("var");
/// Its value as JSON.
const VALUE: Attribute<String> = Attribute::new("value");
/// Not by the name that nodes have it under: that would put it into the index of nodes' changes.
const SET_AT: Attribute<Timestamp> = Attribute::new("setAt");

/// The variables of the deployment.
#[derive(Debug, Clone)]
pub struct Vars(pub(crate) Table);

impl Vars {
    /// All of them, by name.
    pub async fn all(&self) -> Result<Vec<Var>, Error> {
        let items = self.0.all(|| Query::under(&keys::vars())).await?;
        items.iter().map(read).collect()
    }

    /// Their values, by name.
    pub async fn values(&self) -> Result<BTreeMap<String, Value>, Error> {
        let all = self.all().await?.into_iter();
        Ok(all.map(|var| (var.name, var.value)).collect())
    }

    /// One of them, or [`Error::NotFound`].
    pub async fn get(&self, name: &str) -> Result<Var, Error> {
        let item = self.0.get(keys::var(name)).await?;
        read(&item.ok_or_else(|| Record::Var.not_found(name))?)
    }

    /// Sets it, whether there is one of this name or not.
    pub async fn set(&self, var: &Var) -> Result<(), Error> {
        let put = Put::of(keys::var(&var.name))
            .set(NAME, &var.name)
            .set(VALUE, var.value.to_string())
            .set(SET_AT, var.changed_at);
        self.0.write(put).await?;
        Ok(())
    }

    /// Deletes it; or [`Error::NotFound`].
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        let delete = Delete::of(keys::var(name)).when(PK.exists());
        if self.0.write(delete).await? {
            return Ok(());
        }
        Err(Record::Var.not_found(name))
    }
}

fn read(item: &Item) -> Result<Var, Error> {
    let value = VALUE.get(item)?;
    Ok(Var {
        name: NAME.get(item)?,
        value: serde_json::from_str(&value).map_err(|_| Error::Malformed {
            attribute: VALUE.name(),
        })?,
        changed_at: SET_AT.get(item)?,
    })
}
