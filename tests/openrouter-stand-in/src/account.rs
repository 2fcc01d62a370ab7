//! The account's keys, as a management key makes, lists, changes and deletes them: `/keys`.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::digest::{new_key, sha256_hex};
use crate::key_ring::{Row, label};
use crate::keys::Caller;
use crate::refusal::Refusal;
use crate::state::{Shared, StandIn, locked};

const PAGE: usize = 100;

/// The fields of a key that a caller may send. Unknown fields are ignored, as by the real service.
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
