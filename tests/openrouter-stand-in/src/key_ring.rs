//! The account's keys in the stand-in's memory: each key's state and its row in the account's list.

use std::collections::HashMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::digest::sha256_hex;
use crate::ledger::Ledger;
use crate::money::number;
use crate::refusal::USER_ID;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyState {
    Good,
    Revoked,
    NoCredits,
    Limited,
    Management,
}

impl KeyState {
    pub(crate) fn of_text(key: &str) -> Self {
        if !key.starts_with("sk-or-") || key.contains("wrong") {
            Self::Revoked
        } else if key.contains("nocredits") {
            Self::NoCredits
        } else if key.contains("limited") && !key.contains("unlimited") {
            Self::Limited
        } else if key.contains("management") {
            Self::Management
        } else {
            Self::Good
        }
    }
}

/// The states that tests have set, by the key's digest, and the account's list of keys. No key itself is kept.
#[derive(Default)]
pub(crate) struct KeyRing {
    pub(crate) states: HashMap<String, KeyState>,
    pub(crate) rows: Vec<Row>,
}

impl KeyRing {
    pub(crate) fn set(&mut self, key: &str, state: KeyState) {
        self.states.insert(sha256_hex(key), state);
    }

    pub(crate) fn row(&mut self, hash: &str) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.hash == hash)
    }

    /// Adds a key to the account's list when it is first used.
    pub(crate) fn seen(&mut self, key: &str, digest: &str) -> Row {
        if let Some(row) = self.row(digest) {
            return row.clone();
        }
        let limit = (!key.contains("unlimited")).then(|| Decimal::from(25));
        let row = Row::new(digest.to_owned(), label(key), limit);
        self.rows.push(row.clone());
        row
    }
}

/// One key of the account, as its list has it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The key's digest.
    pub(crate) hash: String,
    pub(crate) label: String,
    pub(crate) name: String,
    pub(crate) disabled: bool,
    pub(crate) deleted: bool,
    pub(crate) limit: Option<Decimal>,
    pub(crate) limit_reset: Option<String>,
    pub(crate) include_byok_in_limit: bool,
    pub(crate) expires_at: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Option<Timestamp>,
}

impl Row {
    pub(crate) fn new(hash: String, label: String, limit: Option<Decimal>) -> Self {
        Self {
            hash,
            name: label.clone(),
            label,
            disabled: false,
            deleted: false,
            limit_reset: limit.map(|_| "monthly".to_owned()),
            limit,
            include_byok_in_limit: false,
            expires_at: None,
            created_at: Timestamp::now(),
            updated_at: None,
        }
    }

    /// The key in the form of the list.
    pub(crate) fn shown(&self, ledger: &Ledger) -> Value {
        let spent = ledger.spent_by(&self.hash);
        let remaining = self.limit.map(|limit| (limit - spent).max(Decimal::ZERO));
        let spent = number(spent);
        json!({
            "hash": self.hash, "label": self.label, "name": self.name, "disabled": self.disabled,
            "limit": self.limit.map(number),
            "limit_remaining": remaining.map(number),
            "limit_reset": self.limit_reset,
            "include_byok_in_limit": self.include_byok_in_limit,
            "usage": spent, "usage_daily": spent, "usage_weekly": spent, "usage_monthly": spent,
            "byok_usage": 0, "byok_usage_daily": 0, "byok_usage_weekly": 0, "byok_usage_monthly": 0,
            "created_at": self.created_at.to_string(),
            "updated_at": self.updated_at.map(|at| at.to_string()),
            "expires_at": self.expires_at,
            "creator_user_id": USER_ID,
        })
    }
}

/// `sk-or-v1-abc...890`; of a short key, fewer characters.
pub(crate) fn label(key: &str) -> String {
    let shown = if key.chars().count() < 24 { 6 } else { 12 };
    let head: String = key.chars().take(shown).collect();
    format!("{head}...{}", last_chars(key, 3))
}

pub(crate) fn last_chars(text: &str, count: usize) -> String {
    let skipped = text.chars().count().saturating_sub(count);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_hides_the_key() {
        assert_eq!(
            label("sk-or-v1-abcdefghijklmnopqrstuvwxyz567890"),
            "sk-or-v1-abc...890"
        );
        assert_eq!(label("sk-or-v1-test"), "sk-or-...est");
    }

    #[test]
    fn the_text_of_a_key_says_its_state() {
        assert_eq!(KeyState::of_text("sk-or-v1-x"), KeyState::Good);
        assert_eq!(KeyState::of_text("sk-or-v1-unlimited"), KeyState::Good);
        assert_eq!(KeyState::of_text("sk-or-v1-limited"), KeyState::Limited);
        assert_eq!(KeyState::of_text("sk-1234"), KeyState::Revoked);
    }
}
