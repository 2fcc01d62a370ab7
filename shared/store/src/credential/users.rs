//! Which workflows use which credential. Each workflow has one row, which is written with each put of the workflow. So
//! the deletion of a credential finds all its users.

use std::collections::BTreeSet;

use crate::Error;
use crate::credential::handle::Credentials;
use crate::keys;
use crate::table::item::kept_by_serde;
use crate::table::{Attribute, Delete, Put};

/// A workflow whose newest version uses a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialUser {
    /// The workflow.
    pub workflow_id: String,
    /// The ids or names of credentials that its nodes have.
    pub references: BTreeSet<String>,
}

const WORKFLOW: Attribute<String> = Attribute::new("workflow");
const REFERENCES: Attribute<BTreeSet<String>> = Attribute::new("references");

kept_by_serde!(BTreeSet<String>);

/// The write of the credentials that a workflow's newest version uses, for the transaction that puts the workflow.
pub(crate) fn put(workflow_id: &str, references: &BTreeSet<String>) -> Put {
    Put::of(keys::credential_user(workflow_id))
        .set(WORKFLOW, workflow_id)
        .set(REFERENCES, references)
}

/// The write for a deleted workflow, which uses no credential.
pub(crate) fn remove(workflow_id: &str) -> Delete {
    Delete::of(keys::credential_user(workflow_id))
}

impl Credentials {
    /// The workflows whose newest version names one of these ids or names, by their ids.
    pub async fn users(&self, references: &[&str]) -> Result<Vec<CredentialUser>, Error> {
        let items = self.0.all_under(&keys::credential_users()).await?;
        let mut users = Vec::new();
        for item in &items {
            let named = REFERENCES.get(item)?;
            if references.iter().any(|wanted| named.contains(*wanted)) {
                users.push(CredentialUser {
                    workflow_id: WORKFLOW.get(item)?,
                    references: named,
                });
            }
        }
        Ok(users)
    }
}
