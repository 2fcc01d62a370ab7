//! `GET /generation`: what a generation cost, some time after it ended.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::keys::Caller;
use crate::ledger::Generation;
use crate::money::number;
use crate::refusal::Refusal;
use crate::state::{Shared, locked};

/// `GET /generation?id=`: 404 until the record has been written.
pub(crate) async fn generation(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    Caller::read(&headers, &stand_in)?;
    let id = query.get("id").map(String::as_str).unwrap_or_default();
    if !id.starts_with("gen-") || id.len() > 128 {
        return Err(Refusal::zod(&json!([{
            "code": "invalid_string", "validation": "regex", "path": ["id"], "message": "Invalid",
        }])));
    }
    let misses = stand_in.generation_misses();
    let mut ledger = locked(&stand_in.ledger);
    let not_found = || Refusal::new(404, format!("Generation {id} not found"));
    let generation = ledger.find(id).ok_or_else(not_found)?;
    generation.lookups = generation.lookups.saturating_add(1);
    if generation.lookups <= misses || !generation.finished {
        return Err(not_found());
    }
    Ok(Json(json!({"data": record(generation)})))
}

fn record(generation: &Generation) -> Value {
    let cost = number(generation.cost);
    let usage = |path: &str| generation.usage.pointer(path);
    json!({
        "id": generation.id, "request_id": null, "upstream_id": null,
        "created_at": generation.at.to_string(),
        "model": generation.model, "provider_name": generation.provider,
        "provider_responses": [], "router": null,
        "streamed": generation.streamed, "cancelled": generation.cancelled,
        "finish_reason": generation.finish_reason,
        "native_finish_reason": generation.native_finish_reason,
        "tokens_prompt": generation.prompt_tokens,
        "tokens_completion": generation.completion_tokens,
        "native_tokens_prompt": generation.prompt_tokens,
        "native_tokens_completion": generation.completion_tokens,
        "native_tokens_reasoning": generation.reasoning_tokens,
        "native_tokens_cached": usage("/prompt_tokens_details/cached_tokens"),
        "native_tokens_completion_images": null,
        "num_media_prompt": null, "num_media_completion": null, "num_search_results": null,
        "num_input_audio_prompt": null, "num_fetches": null,
        "web_search_engine": null, "data_region": "global", "workspace_id": null,
        "latency": 12, "generation_time": 34, "moderation_latency": null,
        "total_cost": cost, "usage": cost,
        "upstream_inference_cost": usage("/cost_details/upstream_inference_cost"),
        "cache_discount": null, "is_byok": usage("/is_byok"), "api_type": "completions", "app_id": null,
        "origin": "", "http_referer": generation.http_referer, "user_agent": null,
        "external_user": null, "session_id": null, "preset_id": null,
        "service_tier": generation.service_tier,
    })
}
