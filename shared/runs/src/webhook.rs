//! Webhooks of a workflow: all that is known of them but their secrets.

use aws_sdk_dynamodb::types::ReturnValue;
use serde::{Deserialize, Serialize};
use steps_signatures::Mode;

use crate::attribute::{Item, find_nested, n, nested};
use crate::store::{key, passed};
use crate::workflow::workflow_key;
use crate::{Error, Store};

/// A webhook without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// The workflow it starts.
    pub workflow_id: String,
    /// Unique in the workflow, chosen by its owner.
    pub name: String,
    /// How a sender proves itself.
    pub mode: Mode,
    /// How far a signed time may be off, both ways.
    pub tolerance_seconds: u32,
    /// Whether deliveries are taken.
    pub enabled: bool,
    /// Where its secret is; `None` where its mode has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretVersion>,
    /// When it was put first, RFC 3339.
    pub created_at: String,
    /// When its secret was last replaced, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<String>,
    /// Until when the secret before stays good, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<String>,
    /// Counts the changes; 1 for the first put.
    pub revision: u64,
}

/// Where a webhook's secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretVersion {
    /// The last part of the secret's name.
    pub id: String,
    /// Secrets Manager's id of the version.
    pub version: String,
}

fn webhook_key(name: &str) -> String {
    format!("WEBHOOK#{name}")
}

impl Store {
    /// Stores the webhook, where the one stored is of the revision before; else [`Error::Conflict`].
    pub async fn put_webhook(&self, webhook: &Webhook) -> Result<(), Error> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key(
                &workflow_key(&webhook.workflow_id),
                &webhook_key(&webhook.name),
            )))
            .item("webhook", nested(webhook, "webhook")?);
        put = if webhook.revision == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("#webhook.#revision = :before")
                .expression_attribute_names("#webhook", "webhook")
                .expression_attribute_names("#revision", "revision")
                .expression_attribute_values(":before", n(webhook.revision.saturating_sub(1)))
        };
        if passed(put.send().await)? {
            return Ok(());
        }
        Err(Error::Conflict {
            what: "webhook",
            id: webhook.name.clone(),
        })
    }

    /// The webhook, where there is one.
    pub async fn find_webhook(
        &self,
        workflow_id: &str,
        name: &str,
    ) -> Result<Option<Webhook>, Error> {
        match self
            .get(&workflow_key(workflow_id), &webhook_key(name))
            .await?
        {
            Some(item) => read(&item).map(Some),
            None => Ok(None),
        }
    }

    /// The webhook, or [`Error::NotFound`].
    pub async fn webhook(&self, workflow_id: &str, name: &str) -> Result<Webhook, Error> {
        self.find_webhook(workflow_id, name)
            .await?
            .ok_or_else(|| not_found(workflow_id, name))
    }

    /// Every webhook of the workflow, by name.
    pub async fn webhooks(&self, workflow_id: &str) -> Result<Vec<Webhook>, Error> {
        let items = self
            .all_under(&workflow_key(workflow_id), &webhook_key(""))
            .await?;
        items.iter().map(read).collect()
    }

    /// Removes the webhook and gives it, or [`Error::NotFound`].
    pub async fn remove_webhook(&self, workflow_id: &str, name: &str) -> Result<Webhook, Error> {
        let answer = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(&workflow_key(workflow_id), &webhook_key(name))))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        match answer.attributes {
            Some(item) => read(&item),
            None => Err(not_found(workflow_id, name)),
        }
    }
}

fn read(item: &Item) -> Result<Webhook, Error> {
    find_nested(item, "webhook")?.ok_or(Error::Malformed {
        attribute: "webhook",
    })
}

fn not_found(workflow_id: &str, name: &str) -> Error {
    Error::NotFound {
        what: "webhook",
        id: format!("{workflow_id}/{name}"),
    }
}
