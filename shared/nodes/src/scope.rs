//! What a node may ask of the function that executes it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rust_decimal::Decimal;
use serde_json::Value;
use steps_key::{ApiKey, HttpSecret};
use steps_openrouter::{Client, ModelList, Said, Usage};
use steps_problem::Problem;
use steps_web::Web;

use crate::ended::Paused;

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

    /// The client for addresses that a document names.
    fn web(&self) -> &Web;

    /// The secret of a credential of type `http`, which the document names by name or id.
    ///
    /// # Errors
    /// `CredentialNotFound`, `CredentialOfOtherType`, or Secrets Manager's failure.
    fn http_secret(&self, credential: &str) -> impl Future<Output = Result<HttpSecret, Problem>>;

    /// The secret once more, read anew: a warm function may hold one that has been replaced since.
    ///
    /// # Errors
    /// As [`Self::http_secret`].
    fn http_secret_again(
        &self,
        credential: &str,
    ) -> impl Future<Output = Result<HttpSecret, Problem>>;

    /// What tells this node of this run from every other: the same text for all its tries. `None` for a node that no run
    /// has.
    fn unit(&self) -> Option<String>;

    /// Whether an earlier try began and it is not known how far it came: its function died, or it was stopped.
    fn may_have_acted(&self) -> bool;

    /// How this node has paused before; `None` where it has not.
    fn paused(&self) -> Option<&Paused>;

    /// The name under which this node can be told something in this take of its run: nothing else has the same. `None` for
    /// a node that no run has.
    fn own_message(&self) -> Option<String>;

    /// The message of this name, where the run was told it. The first one of a name counts.
    ///
    /// # Errors
    /// The store's failure.
    fn message(&self, name: &str) -> impl Future<Output = Result<Option<Value>, Problem>>;

    /// Tells the run this message, where it was not told one of this name before. Gives the one that counts.
    ///
    /// # Errors
    /// The store's failure.
    fn tell(&self, name: &str, value: &Value) -> impl Future<Output = Result<Value, Problem>>;

    /// The `timeoutSeconds` of the node, where it has one.
    fn timeout_seconds(&self) -> Option<u64>;

    /// Whether bytes can be kept: those of a node that a run has.
    fn keeps_files(&self) -> bool;

    /// Keeps bytes beside the run's texts, and as long as these. `number` tells the files of one try apart.
    ///
    /// # Errors
    /// `FileNeedsRun` for a node that no run has, or the bucket's failure.
    fn keep_file(
        &self,
        bytes: Bytes,
        content_type: &str,
        number: usize,
    ) -> impl Future<Output = Result<KeptFile, Problem>>;

    /// The bytes of a file that a node of the same run keeps.
    ///
    /// # Errors
    /// `FileNotFound` for one of another run, of a run that is erased, and of no run at all; `FileTooLarge` past `most` bytes;
    /// or the bucket's failure.
    fn kept_file(
        &self,
        file: &KeptFile,
        most: usize,
    ) -> impl Future<Output = Result<Bytes, Problem>>;

    /// Calls a Lambda function that the deployment allows with JSON, once, and waits for its answer.
    ///
    /// # Errors
    /// [`NotInvoked`] where there is no answer.
    fn invoke(
        &self,
        function: &str,
        payload: &[u8],
    ) -> impl Future<Output = Result<Invoked, NotInvoked>>;

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

/// Where bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// The bucket.
    pub bucket: String,
    /// The object's key in it.
    pub key: String,
    /// The path of the API that it is read at.
    pub at: String,
}

/// How a Lambda function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// What it answered: JSON. Of a failure, what went wrong.
    pub answer: Vec<u8>,
    /// Whether it failed.
    pub failed: bool,
}

/// A call of a Lambda function that has no answer.
#[derive(Debug)]
pub struct NotInvoked {
    /// Why.
    pub problem: Problem,
    /// Whether the function may have done its work.
    pub may_have_acted: bool,
}

/// What one call used and cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// OpenRouter's id of the answer.
    pub generation_id: Option<String>,
    /// The model that answered; where the answer broke off before it said so, the one that was asked for.
    pub model: Option<String>,
    /// What it used.
    pub usage: Option<Usage>,
    /// What it cost, USD.
    pub cost_usd: Option<Decimal>,
    /// How long after the request the first piece of the answer came, where it came in pieces.
    pub first_token_after: Option<Duration>,
    /// The provider that served it.
    pub provider: Option<String>,
}

/// What OpenRouter says of a call some time after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// What it used.
    pub usage: Usage,
    /// What it cost, USD.
    pub cost_usd: Decimal,
    /// The model that answered.
    pub model: Option<String>,
}
