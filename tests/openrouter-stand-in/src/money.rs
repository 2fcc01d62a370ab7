//! Amounts as OpenRouter sends them, and prices for each token.

use rust_decimal::Decimal;
use serde_json::Value;

/// The number as JavaScript would print it. An amount of up to 15 digits keeps each digit.
pub(crate) fn number(amount: Decimal) -> Value {
    let text = amount.normalize().to_string();
    if !text.contains('.')
        && let Ok(whole) = text.parse::<i64>()
    {
        return whole.into();
    }
    text.parse::<f64>().unwrap_or_default().into()
}

pub(crate) fn text(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// USD per token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) prompt: Decimal,
    pub(crate) completion: Decimal,
}

impl Prices {
    pub(crate) fn prompt_cost(&self, tokens: u64) -> Decimal {
        self.prompt * Decimal::from(tokens)
    }

    pub(crate) fn completion_cost(&self, tokens: u64) -> Decimal {
        self.completion * Decimal::from(tokens)
    }

    /// Of the tokens sent, `cached` came from the cache, at half the price.
    pub(crate) fn cost(&self, prompt_tokens: u64, cached: u64, completion_tokens: u64) -> Decimal {
        let saved = self.prompt_cost(cached) / Decimal::TWO;
        self.prompt_cost(prompt_tokens) - saved + self.completion_cost(completion_tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_carry_no_noise() {
        for amount in [
            "0.0000033",
            "0.0000001875",
            "0.00000000017",
            "1.1",
            "0",
            "25",
        ] {
            let amount: Decimal = amount.parse().unwrap();
            let printed = number(amount).to_string();
            let read = Decimal::from_scientific(&printed).or_else(|_| printed.parse());
            assert_eq!(read.unwrap(), amount, "{printed}");
        }
    }
}
