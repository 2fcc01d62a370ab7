//! What a node may ask of the function that executes it.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use steps_key::ApiKey;
use steps_openrouter::{Client, ModelList, Said, Usage};
use steps_problem::Problem;

/// What a node may ask of the function that executes it. A run's node and a node of someone's own state machine have
/// different ones: the second writes nothing down.
pub trait Scope {
    /// The client of OpenRouter.
    fn openrouter(&self) -> &Client;

    /// How long this try may take in all.
    fn time(&self) -> Duration;

    /// The key of a credential, which the document names by name or id.
    ///
    /// # Errors
    /// `CredentialNotFound`, or Secrets Manager's failure.
    fn key(&self, credential: &str) -> impl Future<Output = Result<ApiKey, Problem>>;

    /// The key once more, read anew: a warm function may hold one that has been replaced since.
    ///
    /// # Errors
    /// As [`Self::key`].
    fn key_again(&self, credential: &str) -> impl Future<Output = Result<ApiKey, Problem>>;

    /// The model list; one that knows these ids, where there is one.
    ///
    /// # Errors
    /// No list could be read.
    fn models(&self, ids: &[&str]) -> impl Future<Output = Result<Arc<ModelList>, Problem>>;

    /// Notes that a paid call has begun, before its answer is known: a function that dies leaves this id behind, and
    /// OpenRouter is asked later what the call cost.
    fn began(&self, generation_id: &str) -> impl Future<Output = ()>;

    /// Notes what the model has written since it said so last. Those who watch the run hear it; it costs no time.
    fn said(&self, _said: Said<'_>) {}

    /// Notes what a call used and cost, as far as it is known. Also for a call that failed.
    fn paid(&self, receipt: Receipt);
}

/// What one call used and cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// OpenRouter's id of the answer.
    pub generation_id: Option<String>,
    /// What it used.
    pub usage: Option<Usage>,
    /// What it cost, USD.
    pub cost_usd: Option<Decimal>,
    /// How long after the request the first piece of the answer came, where it came in pieces.
    pub first_token_after: Option<Duration>,
}
