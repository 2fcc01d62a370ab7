//! Every generation and what was charged for it.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

/// One generation, from the moment it began.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Generation {
    pub(crate) id: String,
    /// Last four characters of the key that paid.
    pub(crate) key: String,
    #[serde(skip)]
    pub(crate) key_digest: String,
    pub(crate) model: String,
    pub(crate) provider: &'static str,
    /// What has been charged so far, USD.
    #[serde(serialize_with = "plain_decimal")]
    pub(crate) cost: Decimal,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) reasoning_tokens: u64,
    pub(crate) finish_reason: Option<String>,
    pub(crate) native_finish_reason: Option<String>,
    /// The usage object of its answer.
    #[serde(skip)]
    pub(crate) usage: Value,
    #[serde(skip)]
    pub(crate) service_tier: Option<String>,
    pub(crate) streamed: bool,
    /// Whether the client went away before the end of the stream.
    pub(crate) cancelled: bool,
    /// Whether nothing more will be charged.
    pub(crate) finished: bool,
    pub(crate) fault: Option<&'static str>,
    /// The digest of the last user message as it was sent.
    pub(crate) prompt_sha256: String,
    pub(crate) http_referer: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) at: Timestamp,
    /// How many times `GET /generation` was called for it.
    #[serde(skip)]
    pub(crate) lookups: u32,
}

fn plain_decimal<S: serde::Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&crate::money::text(*amount))
}

/// Every generation since the start or the last reset.
#[derive(Default)]
pub(crate) struct Ledger {
    generations: Vec<Generation>,
}

impl Ledger {
    pub(crate) fn begin(&mut self, generation: Generation) {
        self.generations.push(generation);
    }

    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Generation> {
        self.generations.iter_mut().rev().find(|one| one.id == id)
    }

    pub(crate) fn all(&self) -> &[Generation] {
        &self.generations
    }

    pub(crate) fn total_cost(&self) -> Decimal {
        self.generations.iter().map(|one| one.cost).sum()
    }

    pub(crate) fn spent_by(&self, key_digest: &str) -> Decimal {
        self.generations
            .iter()
            .filter(|one| one.key_digest == key_digest)
            .map(|one| one.cost)
            .sum()
    }

    pub(crate) fn paid(&self) -> usize {
        let paid = self.generations.iter();
        paid.filter(|one| one.cost > Decimal::ZERO).count()
    }
}
