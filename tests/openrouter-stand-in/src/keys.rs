//! Who asks: the state of a key, by its text or as a test set it, and `GET /key`.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderValue};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use crate::account::Row;
use crate::digest::sha256_hex;
use crate::money::number;
use crate::refusal::{Refusal, USER_ID};
use crate::state::{Shared, StandIn, locked};

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
    fn of_text(key: &str) -> Self {
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

/// The states set at run time, by the key's digest, and the account's list of keys: no key is kept.
#[derive(Default)]
pub(crate) struct KeyRing {
    states: HashMap<String, KeyState>,
    pub(crate) rows: Vec<Row>,
}

impl KeyRing {
    pub(crate) fn set(&mut self, key: &str, state: KeyState) {
        self.states.insert(sha256_hex(key), state);
    }

    pub(crate) fn row(&mut self, hash: &str) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.hash == hash)
    }

    /// Any key that is shown here is one of the account's.
    fn seen(&mut self, key: &str, digest: &str) -> Row {
        if let Some(row) = self.row(digest) {
            return row.clone();
        }
        let limit = (!key.contains("unlimited")).then(|| Decimal::from(25));
        let row = Row::new(digest.to_owned(), label(key), limit);
        self.rows.push(row.clone());
        row
    }
}

/// Who asks: as much of the key as may be shown.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) digest: String,
    pub(crate) last_four: String,
    row: Row,
    state: KeyState,
}

impl Caller {
    pub(crate) fn read(headers: &HeaderMap, stand_in: &StandIn) -> Result<Self, Refusal> {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::trim)
            .filter(|key| !key.is_empty());
        let Some(key) = bearer else {
            return Err(Refusal::new(401, stand_in.settings.missing_key.text()));
        };
        let digest = sha256_hex(key);
        let mut ring = locked(&stand_in.keys);
        let set = ring.states.get(&digest).copied();
        let state = set.unwrap_or_else(|| KeyState::of_text(key));
        if state == KeyState::Revoked {
            return Err(unknown_key());
        }
        let row = ring.seen(key, &digest);
        if row.disabled || row.deleted {
            return Err(unknown_key());
        }
        Ok(Self {
            digest,
            last_four: last_chars(key, 4),
            row,
            state,
        })
    }

    /// Whether this key may see and change the account's keys.
    pub(crate) fn may_manage(&self) -> Result<(), Refusal> {
        if self.state == KeyState::Management {
            return Ok(());
        }
        Err(Refusal::new(
            403,
            "Only management keys can perform this operation",
        ))
    }

    /// Whether this key may pay for a generation.
    pub(crate) fn may_generate(&self) -> Result<(), Refusal> {
        match self.state {
            KeyState::Good => Ok(()),
            KeyState::Revoked => Err(unknown_key()),
            KeyState::NoCredits => Err(no_credits()),
            KeyState::Limited => Err(key_limit()),
            KeyState::Management => Err(Refusal::new(
                403,
                "Management keys cannot be used for inference",
            )),
        }
    }
}

fn unknown_key() -> Refusal {
    Refusal::new(401, "User not found.")
}

pub(crate) fn no_credits() -> Refusal {
    Refusal::new(
        402,
        "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
    )
    .metadata(json!({"limit_source": "openrouter_credits"}))
    .user()
}

pub(crate) fn key_limit() -> Refusal {
    Refusal::new(
        403,
        "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys",
    )
    .metadata(json!({"limit_source": "openrouter_key_limit"}))
    .user()
}

pub(crate) async fn current_key(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = Caller::read(&headers, &stand_in)?;
    let usage = locked(&stand_in.ledger).spent_by(&caller.digest);
    let limit = caller.row.limit;
    let remaining = match caller.state {
        KeyState::Limited => Some(Decimal::ZERO),
        _ => limit.map(|limit| (limit - usage).max(Decimal::ZERO)),
    };
    let is_management = caller.state == KeyState::Management;
    let spent = number(usage);
    let body = json!({"data": {
        "label": caller.row.label,
        "limit": limit.map(number),
        "limit_remaining": remaining.map(number),
        "limit_reset": caller.row.limit_reset,
        "include_byok_in_limit": caller.row.include_byok_in_limit,
        "usage": spent, "usage_daily": spent, "usage_weekly": spent, "usage_monthly": spent,
        "byok_usage": 0, "byok_usage_daily": 0, "byok_usage_weekly": 0, "byok_usage_monthly": 0,
        "is_free_tier": false,
        "is_management_key": is_management,
        "is_provisioning_key": is_management,
        "expires_at": caller.row.expires_at,
        "creator_user_id": USER_ID,
        "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
        "free_model_daily_requests": {"limit": 1000, "used": 3, "remaining": 997},
    }});
    let mut response = Json(body).into_response();
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    Ok(response)
}

pub(crate) async fn credits(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let caller = Caller::read(&headers, &stand_in)?;
    let total = match caller.state {
        KeyState::NoCredits => Decimal::ZERO,
        _ => Decimal::from(100),
    };
    let usage = locked(&stand_in.ledger).total_cost();
    let body = json!({"data": {"total_credits": number(total), "total_usage": number(usage)}});
    Ok(Json(body).into_response())
}

fn last_chars(text: &str, count: usize) -> String {
    let skipped = text.chars().count().saturating_sub(count);
    text.chars().skip(skipped).collect()
}

/// `sk-or-v1-abc...890`; of a key too short to hide that way, less.
pub(crate) fn label(key: &str) -> String {
    let shown = if key.chars().count() < 24 { 6 } else { 12 };
    let head: String = key.chars().take(shown).collect();
    format!("{head}...{}", last_chars(key, 3))
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
