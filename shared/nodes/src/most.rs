//! What a try of a node may cost at most, as far as that is known before any run.

use rust_decimal::Decimal;

/// What one try of a node may cost at most, USD, as far as the document and the model list tell it. The prompts are counted
/// as they are written, with their tags in place of what the tags will insert.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Most {
    /// The amount.
    pub usd: Decimal,
    /// Of a node whose prompts have tags: what each million tokens that the tags insert cost on top.
    pub usd_per_million_inserted: Option<Decimal>,
}
