//! What a node may ask of this function while it is tried: keys, models, OpenRouter, and to write down what it pays.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use steps_key::ApiKey;
use steps_nodes::{Receipt, Said, Scope};
use steps_openrouter::{Client, ModelList};
use steps_problem::Problem;
use steps_store::{Credential, Lease, Run};
use steps_workflow::Node;
use tokio::time::Instant;

use crate::app::App;
use crate::deadlines::{left, longest};
use crate::live::Heard;

/// How long the model list may take where none was ever read.
const PATIENCE: Duration = Duration::from_secs(30);

async fn models(app: &App, ids: &[&str]) -> Result<Arc<ModelList>, Problem> {
    match app.catalogue.naming(ids.iter().copied()).await? {
        Some(list) => Ok(list),
        None => app.catalogue.refresh(&app.openrouter, PATIENCE).await,
    }
}

/// For a unit of a run. What it pays is gathered for its attempt.
pub(crate) struct RunScope<'a> {
    pub(crate) app: &'a App,
    pub(crate) run: &'a Run,
    pub(crate) node: &'a Node,
    /// The node, or the item of its list.
    pub(crate) unit: &'a str,
    /// Absent while nothing is claimed: then nothing is written either.
    lease: Option<&'a Lease>,
    until: Instant,
    receipt: RefCell<Receipt>,
    heard: Heard,
}

impl<'a> RunScope<'a> {
    /// For what comes before and after an attempt.
    pub(crate) fn new(
        app: &'a App,
        run: &'a Run,
        (node, unit): (&'a Node, &'a str),
        until: Instant,
    ) -> Self {
        Self {
            app,
            run,
            node,
            unit,
            lease: None,
            until,
            receipt: RefCell::default(),
            heard: Heard::default(),
        }
    }

    /// For the attempt under this lease.
    pub(crate) fn under(self, lease: &'a Lease) -> Self {
        Self {
            lease: Some(lease),
            ..self
        }
    }

    /// What the model has written so far.
    pub(crate) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// What was paid so far.
    pub(crate) fn receipt(&self) -> Receipt {
        self.receipt.borrow().clone()
    }
}

impl Scope for RunScope<'_> {
    fn openrouter(&self) -> &Client {
        &self.app.openrouter
    }

    fn time(&self) -> Duration {
        let left_of_run = left(self.run.deadline, Timestamp::now());
        let left_of_function = self.until.saturating_duration_since(Instant::now());
        longest(self.node.timeout_seconds).min(left_of_function.min(left_of_run))
    }

    async fn key(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.run.credential_of(credential)?;
        Ok(self.app.secrets.read(id).await?)
    }

    async fn key_again(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.run.credential_of(credential)?;
        Ok(self.app.secrets.read_again(id).await?)
    }

    async fn models(&self, ids: &[&str]) -> Result<Arc<ModelList>, Problem> {
        models(self.app, ids).await
    }

    async fn began(&self, generation_id: &str) {
        self.receipt.borrow_mut().generation_id = Some(generation_id.to_owned());
        let Some(lease) = self.lease else { return };
        let nodes = self.app.store.nodes();
        if let Err(error) = nodes.note_generation(lease, generation_id).await {
            tracing::warn!(%error, generation = generation_id, "the generation's id could not be noted");
        }
    }

    fn said(&self, said: Said<'_>) {
        self.heard.hear(said);
    }

    fn paid(&self, receipt: Receipt) {
        let mut own = self.receipt.borrow_mut();
        let generation_id = receipt.generation_id.or(own.generation_id.take());
        *own = Receipt {
            generation_id,
            ..receipt
        };
    }
}

/// For a node that no run has: nothing is written down.
pub(crate) struct InlineScope<'a> {
    app: &'a App,
    node: &'a Node,
    until: Instant,
}

impl<'a> InlineScope<'a> {
    pub(crate) fn new(app: &'a App, node: &'a Node, until: Instant) -> Self {
        Self { app, node, until }
    }

    async fn credential_id(&self, reference: &str) -> Result<String, Problem> {
        let known = self.app.store.credentials().list().await?;
        Ok(Credential::find(&known, reference)?.id.clone())
    }
}

impl Scope for InlineScope<'_> {
    fn openrouter(&self) -> &Client {
        &self.app.openrouter
    }

    fn time(&self) -> Duration {
        let left_of_function = self.until.saturating_duration_since(Instant::now());
        longest(self.node.timeout_seconds).min(left_of_function)
    }

    async fn key(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.credential_id(credential).await?;
        Ok(self.app.secrets.read(&id).await?)
    }

    async fn key_again(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.credential_id(credential).await?;
        Ok(self.app.secrets.read_again(&id).await?)
    }

    async fn models(&self, ids: &[&str]) -> Result<Arc<ModelList>, Problem> {
        models(self.app, ids).await
    }

    async fn began(&self, _generation_id: &str) {}

    fn paid(&self, _receipt: Receipt) {}
}
