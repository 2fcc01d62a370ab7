//! `/_stand-in/...`: what tests read (calls, ledger, requests) and set (keys, models, outages).

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalogue::Model;
use crate::key_ring::KeyState;
use crate::money::text;
use crate::refusal::Refusal;
use crate::state::{Shared, locked};

pub(crate) async fn calls(State(stand_in): State<Shared>) -> Json<Value> {
    let mut calls = locked(&stand_in.observed).calls();
    let ledger = locked(&stand_in.ledger);
    if let Some(calls) = calls.as_object_mut() {
        calls.insert("generations".into(), ledger.all().len().into());
        calls.insert("paid".into(), ledger.paid().into());
        calls.insert("totalCostUsd".into(), text(ledger.total_cost()).into());
    }
    Json(calls)
}

pub(crate) async fn ledger(State(stand_in): State<Shared>) -> Json<Value> {
    Json(json!(locked(&stand_in.ledger).all()))
}

pub(crate) async fn requests(
    State(stand_in): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let last = query.get("last").and_then(|last| last.parse().ok());
    Json(json!(locked(&stand_in.observed).last(last.unwrap_or(10))))
}

pub(crate) async fn reset(State(stand_in): State<Shared>) -> Result<StatusCode, Refusal> {
    let reset = stand_in.reset();
    reset.map_err(|error| Refusal::new(500, error.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(crate) struct KeyChange {
    key: String,
    state: KeyState,
}

pub(crate) async fn keys(
    State(stand_in): State<Shared>,
    Json(change): Json<KeyChange>,
) -> StatusCode {
    locked(&stand_in.keys).set(&change.key, change.state);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(crate) struct Away {
    away: bool,
}

pub(crate) async fn away(State(stand_in): State<Shared>, Json(change): Json<Away>) -> StatusCode {
    stand_in.set_away(change.away);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(crate) struct ModelChange {
    #[serde(default)]
    add: Vec<Model>,
    #[serde(default)]
    remove: Vec<String>,
}

pub(crate) async fn models(
    State(stand_in): State<Shared>,
    Json(change): Json<ModelChange>,
) -> StatusCode {
    let mut catalogue = locked(&stand_in.catalogue);
    for id in &change.remove {
        catalogue.retire(id);
    }
    for model in change.add {
        catalogue.add(model);
    }
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(crate) struct GenerationMisses {
    misses: u32,
}

pub(crate) async fn generation(
    State(stand_in): State<Shared>,
    Json(change): Json<GenerationMisses>,
) -> StatusCode {
    stand_in.set_generation_misses(change.misses);
    StatusCode::NO_CONTENT
}
