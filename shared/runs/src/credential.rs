//! Credential records: all that is known of a key but the key.

use aws_sdk_dynamodb::types::{Delete, Put};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::attribute::{Item, find_nested, get_s, nested, rfc3339, s};
use crate::store::key;
use crate::transaction::Transacted;
use crate::{Error, Store};

/// A credential without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// UUIDv7; also the last part of the secret's name.
    pub id: String,
    /// Unique, chosen by its owner.
    pub name: String,
    /// `openrouter`.
    pub provider: String,
    /// The key's last four characters.
    pub last_four: String,
    /// When it was stored, RFC 3339.
    pub created_at: String,
    /// The last check of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_check: Option<Check>,
    /// The most that may be spent with the key on one day (UTC), USD.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
    pub max_cost_usd_per_day: Option<Decimal>,
}

/// What a check of a key found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// When, RFC 3339.
    pub at: String,
    /// Whether the provider accepted the key.
    pub valid: bool,
    /// The code of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Check {
    /// A check made now: good, or refused with this code.
    pub fn new(at: Timestamp, code: Option<String>) -> Self {
        Self {
            at: rfc3339(at),
            valid: code.is_none(),
            code,
        }
    }
}

/// All credentials share a partition: they are few, and a list just after a creation has to show it.
const PARTITION: &str = "CREDENTIALS";

fn id_key(id: &str) -> String {
    format!("ID#{id}")
}

fn name_key(name: &str) -> String {
    format!("NAME#{name}")
}

impl Store {
    /// Records a new credential. [`Error::NameTaken`] where its name is in use.
    pub async fn add_credential(&self, credential: &Credential) -> Result<(), Error> {
        let name = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(PARTITION, &name_key(&credential.name))))
            .item("credentialId", s(&credential.id))
            .condition_expression("attribute_not_exists(pk)");
        let record = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(PARTITION, &id_key(&credential.id))))
            .item("credential", nested(credential, "credential")?);
        match self.transact([name, record]).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused { .. } => Err(Error::NameTaken {
                what: "credential",
                name: credential.name.clone(),
            }),
        }
    }

    /// Every credential, the oldest first.
    pub async fn credentials(&self) -> Result<Vec<Credential>, Error> {
        let items = self.all_under(PARTITION, &id_key("")).await?;
        items.iter().map(read).collect()
    }

    /// The credential of this id, or [`Error::NotFound`].
    pub async fn credential(&self, id: &str) -> Result<Credential, Error> {
        let item = self
            .get(PARTITION, &id_key(id))
            .await?
            .ok_or_else(|| not_found(id))?;
        read(&item)
    }

    /// Records what a check of the key found.
    pub async fn record_check(&self, id: &str, check: &Check) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(PARTITION, &id_key(id))))
            .update_expression("SET credential.lastCheck = :check")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":check", nested(check, "lastCheck")?)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(())
    }

    /// Forgets a credential and frees its name.
    pub async fn remove_credential(&self, id: &str) -> Result<(), Error> {
        let credential = self.credential(id).await?;
        let deletes = [id_key(id), name_key(&credential.name)].map(|sk| {
            Delete::builder()
                .table_name(&self.table)
                .set_key(Some(key(PARTITION, &sk)))
        });
        self.transact(deletes).await?;
        Ok(())
    }
}

fn read(item: &Item) -> Result<Credential, Error> {
    find_nested(item, "credential")?.ok_or_else(|| match get_s(item, "sk") {
        Ok(sk) => not_found(sk),
        Err(error) => error,
    })
}

fn not_found(id: &str) -> Error {
    Error::NotFound {
        what: "credential",
        id: id.to_owned(),
    }
}
