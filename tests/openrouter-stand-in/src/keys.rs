//! The key of a request: its state, from its text or as a test set it. Also `GET /key`.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderValue};
use rust_decimal::Decimal;
use serde_json::json;

use crate::digest::sha256_hex;
use crate::key_ring::{KeyState, Row, last_chars};
use crate::money::number;
use crate::prose::WANTED_BY;
use crate::refusal::{Refusal, USER_ID};
use crate::state::{Shared, StandIn, locked};

/// The key of a request, as much of it as may be shown.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) digest: String,
    pub(crate) last_four: String,
    /// Whether it is answered in sentences.
    pub(crate) in_prose: bool,
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
            in_prose: key.contains(WANTED_BY),
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
        "creator_user_id": USER_ID, "organization_id": null, "workspace_id": null,
        "allowed_data_regions": [], "budgets": [], "effective_budget": null,
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
