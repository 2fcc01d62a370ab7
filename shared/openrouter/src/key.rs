//! What OpenRouter knows of a key: `GET /key`.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{lenient, money};

/// What OpenRouter knows of a key. Periods are UTC, and weeks begin on Monday.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct KeyInfo {
    /// The key's name, or the key itself with its middle left out by OpenRouter.
    #[serde(deserialize_with = "lenient::string")]
    pub label: Option<String>,
    /// The most that the key may spend, in USD; none if it has no limit.
    #[serde(deserialize_with = "money::option")]
    pub limit: Option<Decimal>,
    /// What is left of `limit`, in USD.
    #[serde(deserialize_with = "money::option")]
    pub limit_remaining: Option<Decimal>,
    /// How often `limit` starts again: `daily`, `weekly`, `monthly`, or never.
    #[serde(deserialize_with = "lenient::string")]
    pub limit_reset: Option<String>,
    /// Whether what the user's own provider keys cost counts for `limit` too.
    #[serde(deserialize_with = "lenient::flag")]
    pub include_byok_in_limit: bool,
    /// Spent so far, in USD.
    #[serde(deserialize_with = "money::option")]
    pub usage: Option<Decimal>,
    /// Spent today, in USD.
    #[serde(deserialize_with = "money::option")]
    pub usage_daily: Option<Decimal>,
    /// Spent this week, in USD.
    #[serde(deserialize_with = "money::option")]
    pub usage_weekly: Option<Decimal>,
    /// Spent this month, in USD.
    #[serde(deserialize_with = "money::option")]
    pub usage_monthly: Option<Decimal>,
    /// Whether the account never bought credits.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_free_tier: bool,
    /// Whether this key manages other keys; such a key cannot run a chat.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_management_key: bool,
    /// When the key ends, as RFC 3339.
    #[serde(deserialize_with = "lenient::string")]
    pub expires_at: Option<String>,
    /// Today's requests to free models; it lags behind.
    pub free_model_daily_requests: Option<FreeRequests>,
}

/// Requests to free models within a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FreeRequests {
    /// How many a day allows.
    #[serde(deserialize_with = "lenient::count")]
    pub limit: Option<u64>,
    /// How many were made.
    #[serde(deserialize_with = "lenient::count")]
    pub used: Option<u64>,
    /// How many are left.
    #[serde(deserialize_with = "lenient::count")]
    pub remaining: Option<u64>,
}
