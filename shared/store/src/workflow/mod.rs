//! Workflows and what starts them: their versions, their webhooks, their sources of events.

mod callback_secret;
mod record;
mod source;
mod webhook;

pub use callback_secret::{CallbackSecret, CallbackSecrets};
pub(crate) use record::document;
pub use record::{StoredWorkflow, WorkflowSummary, Workflows};
pub use source::{Source, Sources};
pub use webhook::{SecretVersion, Webhook, Webhooks};
