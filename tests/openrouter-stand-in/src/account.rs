//! The account's keys, as a management key makes, lists, changes and deletes them: `/keys`.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::digest::{new_key, sha256_hex};
use crate::keys::{Caller, label};
use crate::ledger::Ledger;
use crate::money::number;
use crate::refusal::{Refusal, USER_ID};
use crate::state::{Shared, StandIn, locked};

const PAGE: usize = 100;

/// One key of the account, as its list has it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The key's digest.
    pub(crate) hash: String,
    pub(crate) label: String,
    name: String,
    pub(crate) disabled: bool,
    pub(crate) deleted: bool,
    pub(crate) limit: Option<Decimal>,
    pub(crate) limit_reset: Option<String>,
    pub(crate) include_byok_in_limit: bool,
    pub(crate) expires_at: Option<String>,
    created_at: Timestamp,
    updated_at: Option<Timestamp>,
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

    fn shown(&self, ledger: &Ledger) -> Value {
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

/// What a caller may say of a key; unknown fields are ignored, as the service does.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    name: Option<String>,
    disabled: Option<bool>,
    limit: Option<serde_json::Number>,
    limit_reset: Option<String>,
    include_byok_in_limit: Option<bool>,
    expires_at: Option<String>,
}

impl Wanted {
    fn read(body: &Bytes) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| issue("", &error.to_string()))
    }

    fn apply(self, row: &mut Row) {
        if let Some(name) = self.name {
            row.name = name;
        }
        if let Some(disabled) = self.disabled {
            row.disabled = disabled;
        }
        if let Some(include) = self.include_byok_in_limit {
            row.include_byok_in_limit = include;
        }
        if let Some(limit) = self.limit {
            row.limit = limit.to_string().parse().ok();
        }
        if self.limit_reset.is_some() {
            row.limit_reset = self.limit_reset;
        }
        if self.expires_at.is_some() {
            row.expires_at = self.expires_at;
        }
    }
}

pub(crate) async fn create(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    manager(&headers, &stand_in)?;
    let wanted = Wanted::read(&body)?;
    if wanted.name.as_deref().is_none_or(str::is_empty) {
        return Err(issue("name", "Required"));
    }
    let key = new_key();
    let mut row = Row::new(sha256_hex(&key), label(&key), None);
    wanted.apply(&mut row);
    let shown = row.shown(&locked(&stand_in.ledger));
    locked(&stand_in.keys).rows.push(row);
    let body = json!({"data": shown, "key": key});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(crate) async fn list(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    manager(&headers, &stand_in)?;
    let offset = query.get("offset").map_or(Ok(0), |text| text.parse());
    let offset: usize = offset.map_err(|_| issue("offset", "Expected number, received nan"))?;
    let disabled_too = query
        .get("include_disabled")
        .is_some_and(|text| text == "true");
    let ledger = locked(&stand_in.ledger);
    let ring = locked(&stand_in.keys);
    // The newest first, as the dashboard has them.
    let rows: Vec<Value> = ring
        .rows
        .iter()
        .rev()
        .filter(|row| !row.deleted && (disabled_too || !row.disabled))
        .skip(offset)
        .take(PAGE)
        .map(|row| row.shown(&ledger))
        .collect();
    Ok(Json(json!({"data": rows})))
}

pub(crate) async fn read(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
    Path(hash): Path<String>,
) -> Result<Json<Value>, Refusal> {
    manager(&headers, &stand_in)?;
    with_row(&stand_in, &hash, |_| ())
}

pub(crate) async fn change(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
    Path(hash): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    manager(&headers, &stand_in)?;
    let wanted = Wanted::read(&body)?;
    with_row(&stand_in, &hash, |row| {
        wanted.apply(row);
        row.updated_at = Some(Timestamp::now());
    })
}

pub(crate) async fn delete(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
    Path(hash): Path<String>,
) -> Result<Json<Value>, Refusal> {
    manager(&headers, &stand_in)?;
    let _ = with_row(&stand_in, &hash, |row| row.deleted = true)?;
    Ok(Json(json!({"deleted": true})))
}

fn manager(headers: &HeaderMap, stand_in: &StandIn) -> Result<(), Refusal> {
    Caller::read(headers, stand_in)?.may_manage()
}

fn with_row(
    stand_in: &StandIn,
    hash: &str,
    change: impl FnOnce(&mut Row),
) -> Result<Json<Value>, Refusal> {
    let ledger = locked(&stand_in.ledger);
    let mut ring = locked(&stand_in.keys);
    let row = ring.row(hash).filter(|row| !row.deleted);
    let row = row.ok_or_else(|| Refusal::new(404, "Resource not found"))?;
    change(row);
    Ok(Json(json!({"data": row.shown(&ledger)})))
}

fn issue(path: &str, message: &str) -> Refusal {
    Refusal::zod(&json!([{"code": "invalid_type", "path": [path], "message": message}]))
}
