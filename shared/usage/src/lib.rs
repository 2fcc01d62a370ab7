#![doc = include_str!("../README.md")]

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one call used, or several calls together. Tokens are counted by the model's own tokenizer. Amounts are in USD.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Tokens sent.
    pub prompt_tokens: u64,
    /// Tokens generated, reasoning included.
    pub completion_tokens: u64,
    /// Tokens sent and generated.
    pub total_tokens: u64,
    /// How many of the generated tokens were reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning_tokens: u64,
    /// How many of the sent tokens came from the provider's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached_tokens: u64,
    /// How many of the sent tokens were written to the provider's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
    /// How many of the sent tokens were audio.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_tokens: u64,
    /// How many of the generated tokens were audio.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_output_tokens: u64,
    /// How many of the sent tokens were video.
    #[serde(skip_serializing_if = "is_zero")]
    pub video_tokens: u64,
    /// Searches of the web by OpenRouter's server tools.
    #[serde(skip_serializing_if = "is_zero")]
    pub web_search_requests: u64,
    /// Calls of server tools that the model asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub tool_calls_requested: u64,
    /// Calls of server tools that OpenRouter executed.
    #[serde(skip_serializing_if = "is_zero")]
    pub tool_calls_executed: u64,
    /// What OpenRouter charged for its server tools.
    #[serde(
        skip_serializing_if = "Decimal::is_zero",
        with = "rust_decimal::serde::str"
    )]
    #[schemars(with = "Decimal")]
    pub server_tool_cost_usd: Decimal,
    /// What the provider charged to the user's own provider key. The call's cost does not include it: that is then
    /// only OpenRouter's fee.
    #[serde(
        skip_serializing_if = "Decimal::is_zero",
        with = "rust_decimal::serde::str"
    )]
    #[schemars(with = "Decimal")]
    pub upstream_cost_usd: Decimal,
    /// Whether the call used the user's own provider key; of several calls, whether any did.
    #[serde(skip_serializing_if = "is_false")]
    pub is_byok: bool,
    /// The service tier that served one call. The price depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The service tiers that served several calls.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub service_tiers: BTreeSet<String>,
}

type Field<T> = fn(&mut Usage) -> &mut T;

const COUNTS: [(&str, Field<u64>); 12] = [
    ("promptTokens", |usage| &mut usage.prompt_tokens),
    ("completionTokens", |usage| &mut usage.completion_tokens),
    ("totalTokens", |usage| &mut usage.total_tokens),
    ("reasoningTokens", |usage| &mut usage.reasoning_tokens),
    ("cachedTokens", |usage| &mut usage.cached_tokens),
    ("cacheWriteTokens", |usage| &mut usage.cache_write_tokens),
    ("audioTokens", |usage| &mut usage.audio_tokens),
    ("audioOutputTokens", |usage| &mut usage.audio_output_tokens),
    ("videoTokens", |usage| &mut usage.video_tokens),
    ("webSearchRequests", |usage| &mut usage.web_search_requests),
    ("toolCallsRequested", |usage| {
        &mut usage.tool_calls_requested
    }),
    ("toolCallsExecuted", |usage| &mut usage.tool_calls_executed),
];

const AMOUNTS: [(&str, Field<Decimal>); 2] = [
    ("serverToolCostUsd", |usage| &mut usage.server_tool_cost_usd),
    ("upstreamCostUsd", |usage| &mut usage.upstream_cost_usd),
];

/// How many calls used the user's own provider key.
const BYOK_CALLS: &str = "byokCalls";

impl Usage {
    /// Whether no field is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        let tiers = self.tiers().chain(other.tiers()).collect();
        Self {
            service_tier: None,
            service_tiers: tiers,
            ..self.with(other)
        }
    }

    fn tiers(&self) -> impl Iterator<Item = String> + use<> {
        let several = self.service_tiers.clone().into_iter();
        several.chain(self.service_tier.clone())
    }

    /// The same call with what [`Self::missing_from`] found.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        let mut other = other.clone();
        for (_, field) in COUNTS {
            *field(&mut self) = field(&mut self).saturating_add(*field(&mut other));
        }
        for (_, field) in AMOUNTS {
            *field(&mut self) = field(&mut self).saturating_add(*field(&mut other));
        }
        self.is_byok |= other.is_byok;
        self.service_tier = self.service_tier.or(other.service_tier);
        self
    }

    /// The fields that are empty here and known in `other`, which is another report of the same call.
    #[must_use]
    pub fn missing_from(&self, other: &Self) -> Self {
        let (mut known, mut more) = (self.clone(), other.clone());
        for (_, field) in COUNTS {
            if *field(&mut known) != 0 {
                *field(&mut more) = 0;
            }
        }
        for (_, field) in AMOUNTS {
            if !field(&mut known).is_zero() {
                *field(&mut more) = Decimal::ZERO;
            }
        }
        more.is_byok &= !known.is_byok;
        if known.service_tier.is_some() {
            more.service_tier = None;
        }
        more
    }

    /// The numbers that are not zero, by name. A record adds them up, and [`Self::from_numbers`] reads the sums.
    #[must_use]
    pub fn numbers(&self) -> Vec<(&'static str, Decimal)> {
        let mut usage = self.clone();
        let mut numbers = Vec::new();
        for (name, field) in COUNTS {
            numbers.push((name, Decimal::from(*field(&mut usage))));
        }
        for (name, field) in AMOUNTS {
            numbers.push((name, *field(&mut usage)));
        }
        numbers.push((BYOK_CALLS, Decimal::from(u8::from(self.is_byok))));
        numbers.retain(|(_, number)| !number.is_zero());
        numbers
    }

    /// The usage with these numbers. `number` gives the number for a name.
    #[must_use]
    pub fn from_numbers(number: impl Fn(&str) -> Option<Decimal>) -> Self {
        let mut usage = Self::default();
        for (name, field) in COUNTS {
            let count = number(name).and_then(|number| u64::try_from(number).ok());
            *field(&mut usage) = count.unwrap_or_default();
        }
        for (name, field) in AMOUNTS {
            *field(&mut usage) = number(name).unwrap_or_default();
        }
        usage.is_byok = number(BYOK_CALLS).is_some_and(|calls| !calls.is_zero());
        usage
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    /// A usage with every field set, each to another number.
    fn full() -> Value {
        json!({
            "promptTokens": 1, "completionTokens": 2, "totalTokens": 3, "reasoningTokens": 4,
            "cachedTokens": 5, "cacheWriteTokens": 6, "audioTokens": 7, "audioOutputTokens": 12, "videoTokens": 8,
            "webSearchRequests": 9, "toolCallsRequested": 10, "toolCallsExecuted": 11,
            "serverToolCostUsd": "0.0000000012", "upstreamCostUsd": "0.13", "isByok": true,
            "serviceTier": "flex",
        })
    }

    fn read(value: Value) -> Usage {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_zero_is_left_out_except_the_three_counts_of_every_answer() {
        assert_eq!(
            json!(Usage::default()),
            json!({"promptTokens": 0, "completionTokens": 0, "totalTokens": 0})
        );
        assert_eq!(json!(read(full())), full());
    }

    #[test]
    fn every_number_is_added_up() {
        let mut twice = full();
        for value in twice.as_object_mut().unwrap().values_mut() {
            match value {
                Value::Number(count) => *value = json!(count.as_u64().unwrap() * 2),
                Value::String(amount) => {
                    let amount: Decimal = amount.parse().unwrap_or_default();
                    *value = json!((amount * Decimal::TWO).to_string());
                }
                _ => {}
            }
        }
        twice.as_object_mut().unwrap().remove("serviceTier");
        twice["serviceTiers"] = json!(["flex"]);
        let usage = read(full());
        let sum = usage.clone().plus(&usage);
        assert_eq!(sum, read(twice));
        let mut stored: BTreeMap<&str, Decimal> = BTreeMap::new();
        for (name, number) in [usage.numbers(), usage.numbers()].concat() {
            *stored.entry(name).or_default() += number;
        }
        let numbers = Usage::from_numbers(|name| stored.get(name).copied());
        let service_tiers = sum.service_tiers.clone();
        assert_eq!(
            Usage {
                service_tiers,
                ..numbers
            },
            sum
        );
        assert_eq!(Usage::default().numbers(), []);
    }

    #[test]
    fn a_second_account_adds_only_what_the_first_did_not_say() {
        let known = read(json!({"promptTokens": 8, "totalTokens": 8, "cachedTokens": 2}));
        let more = known.missing_from(&read(full()));
        assert_eq!(
            (more.prompt_tokens, more.total_tokens, more.cached_tokens),
            (0, 0, 0)
        );
        assert_eq!((more.completion_tokens, more.audio_tokens), (2, 7));
        assert!(more.is_byok);
        assert_eq!(more.service_tier.as_deref(), Some("flex"));
        let both = known.with(&more);
        assert_eq!((both.prompt_tokens, both.completion_tokens), (8, 2));
        assert_eq!(both.service_tier.as_deref(), Some("flex"));
        assert!(read(full()).missing_from(&read(full())).is_empty());
    }
}
