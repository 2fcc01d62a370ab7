//! The store: one handle for each kind of record.

use aws_sdk_dynamodb::Client;

use crate::audit::Audits;
use crate::costs::Costs;
use crate::credential::Credentials;
use crate::due::DueItems;
use crate::lane::Lanes;
use crate::live::Live;
use crate::lock::Locks;
use crate::model_list::ModelList;
use crate::node::Nodes;
use crate::receiver::Receivers;
use crate::run::{Deliveries, Gates, Outbox, Runs};
use crate::switch::Switches;
use crate::table::Table;
use crate::table::texts::Texts;
use crate::token::Tokens;
use crate::vars::Vars;
use crate::workflow::{CallbackSecrets, Sources, Webhooks, Workflows};

/// The one table, and the bucket beside it. Cheap to clone, as are its handles.
#[derive(Debug, Clone)]
pub struct Store(Table);

impl Store {
    /// A store over `table` and `bucket`; run records expire `retention_days` after their start.
    pub fn new(
        client: Client,
        table: impl Into<String>,
        s3: aws_sdk_s3::Client,
        bucket: impl Into<String>,
        retention_days: i64,
    ) -> Self {
        let texts = Texts {
            client: s3,
            bucket: bucket.into(),
        };
        Self(Table::new(client, table.into(), texts, retention_days))
    }

    /// Runs.
    pub fn runs(&self) -> Runs {
        Runs(self.0.clone())
    }

    /// Gates of workflows with `limits.maxRuns`.
    pub fn gates(&self) -> Gates {
        Gates(self.0.clone())
    }

    /// Whether runs may start.
    pub fn switches(&self) -> Switches {
        Switches(self.0.clone())
    }

    /// Variables of the deployment.
    pub fn vars(&self) -> Vars {
        Vars(self.0.clone())
    }

    /// Locks.
    pub fn locks(&self) -> Locks {
        Locks(self.0.clone())
    }

    /// Nodes of runs.
    pub fn nodes(&self) -> Nodes {
        Nodes(self.0.clone())
    }

    /// Lanes of runs.
    pub fn lanes(&self) -> Lanes {
        Lanes(self.0.clone())
    }

    /// What is kept of a run while somebody watches it.
    pub fn live(&self) -> Live {
        Live(self.0.clone())
    }

    /// What is to be done because runs have ended.
    pub fn outbox(&self) -> Outbox {
        Outbox(self.0.clone())
    }

    /// Deliveries of ended runs to callback addresses.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries(self.0.clone())
    }

    /// Hosts that are slow to take callbacks.
    pub fn receivers(&self) -> Receivers {
        Receivers(self.0.clone())
    }

    /// Runs, their nodes and their outboxes that have to be looked at again.
    pub fn due(&self) -> DueItems {
        DueItems(self.0.clone())
    }

    /// Workflows.
    pub fn workflows(&self) -> Workflows {
        Workflows(self.0.clone())
    }

    /// Webhooks of workflows.
    pub fn webhooks(&self) -> Webhooks {
        Webhooks(self.0.clone())
    }

    /// Workflows' own secrets for their callbacks.
    pub fn callback_secrets(&self) -> CallbackSecrets {
        CallbackSecrets(self.0.clone())
    }

    /// Sources of events.
    pub fn sources(&self) -> Sources {
        Sources(self.0.clone())
    }

    /// Credentials.
    pub fn credentials(&self) -> Credentials {
        Credentials(self.0.clone())
    }

    /// Costs by day.
    pub fn costs(&self) -> Costs {
        Costs(self.0.clone())
    }

    /// Named tokens of the API.
    pub fn tokens(&self) -> Tokens {
        Tokens(self.0.clone())
    }

    /// The audit.
    pub fn audits(&self) -> Audits {
        Audits(self.0.clone())
    }

    /// The list of OpenRouter's models.
    pub fn model_list(&self) -> ModelList {
        ModelList(self.0.clone())
    }
}
