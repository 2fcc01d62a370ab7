//! OpenRouter's record of a generation: `GET /generation`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use steps_usage::Usage;

use crate::{lenient, money, text};

/// OpenRouter's record of a generation. As JSON its names are camelCase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"), default)]
pub struct Generation {
    /// `gen-...`
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The model that answered.
    #[serde(deserialize_with = "lenient::string")]
    pub model: Option<String>,
    /// The provider that served it.
    #[serde(deserialize_with = "lenient::string")]
    pub provider_name: Option<String>,
    /// When it was made, as RFC 3339.
    #[serde(deserialize_with = "lenient::string")]
    pub created_at: Option<String>,
    /// Why it ended.
    #[serde(deserialize_with = "lenient::string")]
    pub finish_reason: Option<String>,
    /// The provider's own word for it.
    #[serde(deserialize_with = "lenient::string")]
    pub native_finish_reason: Option<String>,
    /// Whether it was streamed.
    #[serde(deserialize_with = "lenient::flag")]
    pub streamed: bool,
    /// Whether the caller closed the connection before its end.
    #[serde(deserialize_with = "lenient::flag")]
    pub cancelled: bool,
    /// What was charged, in USD.
    #[serde(deserialize_with = "money::option")]
    pub total_cost: Option<Decimal>,
    /// What the provider charged, in USD, where that differs: with the user's own provider key.
    #[serde(deserialize_with = "money::option")]
    pub upstream_inference_cost: Option<Decimal>,
    /// Whether the user's own provider key was used.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_byok: bool,
    /// Tokens sent, counted alike for all models.
    #[serde(deserialize_with = "lenient::count")]
    pub tokens_prompt: Option<u64>,
    /// Tokens generated, counted alike for all models.
    #[serde(deserialize_with = "lenient::count")]
    pub tokens_completion: Option<u64>,
    /// Tokens sent, as billed.
    #[serde(deserialize_with = "lenient::count")]
    pub native_tokens_prompt: Option<u64>,
    /// Tokens generated, as billed.
    #[serde(deserialize_with = "lenient::count")]
    pub native_tokens_completion: Option<u64>,
    /// How many of the generated tokens were reasoning.
    #[serde(deserialize_with = "lenient::count")]
    pub native_tokens_reasoning: Option<u64>,
    /// How many of the sent tokens came from the provider's cache.
    #[serde(deserialize_with = "lenient::count")]
    pub native_tokens_cached: Option<u64>,
    /// The service tier that served it.
    #[serde(deserialize_with = "lenient::string")]
    pub service_tier: Option<String>,
    /// Milliseconds until the first token.
    #[serde(deserialize_with = "lenient::count")]
    pub latency: Option<u64>,
    /// Milliseconds from the first token to the last.
    #[serde(deserialize_with = "lenient::count")]
    pub generation_time: Option<u64>,
}

impl Generation {
    /// What it used, as far as the record tells: the tokens that were billed (where those are missing, the ones counted
    /// alike for all models), the provider's price for the user's own provider key, and the service tier.
    pub fn usage(&self) -> Usage {
        let prompt_tokens = self
            .native_tokens_prompt
            .or(self.tokens_prompt)
            .unwrap_or(0);
        let completion_tokens = self
            .native_tokens_completion
            .or(self.tokens_completion)
            .unwrap_or(0);
        Usage {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            reasoning_tokens: self.native_tokens_reasoning.unwrap_or(0),
            cached_tokens: self.native_tokens_cached.unwrap_or(0),
            upstream_cost_usd: self.upstream_inference_cost.unwrap_or_default(),
            is_byok: self.is_byok,
            service_tier: self.service_tier.as_deref().map(text::message),
            ..Usage::default()
        }
    }
}
