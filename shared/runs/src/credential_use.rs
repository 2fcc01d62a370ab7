//! Who uses which credential: the workflows that name it, and when a run did last.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{Delete, Put};
use jiff::{SignedDuration, Timestamp};

use crate::attribute::{find_nested, get_s, nested, s, time};
use crate::credential::{PARTITION, id_key};
use crate::store::{key, passed};
use crate::{Credential, Error, Store};

/// How often a use is noted at most.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A workflow whose newest version uses a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The workflow.
    pub workflow_id: String,
    /// What its nodes name: ids or names.
    pub references: BTreeSet<String>,
}

/// One row a workflow, in a partition of its own: the rows are read consistently, all at once.
const USERS: &str = "CREDENTIAL_USERS";

fn user_key(workflow_id: &str) -> String {
    format!("WORKFLOW#{workflow_id}")
}

impl Store {
    /// The workflows whose newest version names one of these ids or names, by their ids.
    pub async fn credential_users(&self, references: &[&str]) -> Result<Vec<User>, Error> {
        let items = self.all_under(USERS, &user_key("")).await?;
        let mut users = Vec::new();
        for item in &items {
            let named: BTreeSet<String> =
                find_nested(item, "references")?.ok_or(Error::Malformed {
                    attribute: "references",
                })?;
            if references.iter().any(|wanted| named.contains(*wanted)) {
                users.push(User {
                    workflow_id: get_s(item, "workflow")?.to_owned(),
                    references: named,
                });
            }
        }
        Ok(users)
    }

    /// The write of what a workflow's newest version uses, for the transaction that puts it.
    pub(crate) fn put_user(
        &self,
        workflow_id: &str,
        references: &BTreeSet<String>,
    ) -> Result<PutBuilder, Error> {
        Ok(Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(USERS, &user_key(workflow_id))))
            .item("workflow", s(workflow_id))
            .item("references", nested(references, "references")?))
    }

    /// The write that a deleted workflow uses nothing.
    pub(crate) fn remove_user(&self, workflow_id: &str) -> DeleteBuilder {
        Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key(USERS, &user_key(workflow_id))))
    }

    /// Notes that a run uses the credential, as it was read: at most once a minute, and never over a later note.
    pub async fn note_use(&self, credential: &Credential, now: Timestamp) -> Result<(), Error> {
        let noted = credential.last_used_at.as_deref();
        let fresh = noted
            .and_then(|at| at.parse::<Timestamp>().ok())
            .is_some_and(|at| now < at + NOTED_EVERY);
        if fresh {
            return Ok(());
        }
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(PARTITION, &id_key(&credential.id))))
            .update_expression("SET credential.lastUsedAt = :now")
            .expression_attribute_values(":now", time(now));
        let update = match noted {
            Some(noted) => update
                .condition_expression("credential.lastUsedAt = :noted")
                .expression_attribute_values(":noted", s(noted)),
            None => update.condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(credential.lastUsedAt)",
            ),
        };
        // Where it does not pass, another run has noted it, or the credential is gone.
        passed(update.send().await)?;
        Ok(())
    }
}
