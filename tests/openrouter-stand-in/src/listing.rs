//! `GET /models` and the pages of one model: entry, endpoints, providers.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::catalogue::{Model, provider};
use crate::keys::Caller;
use crate::refusal::Refusal;
use crate::state::{Shared, locked};

const CACHE: &str = "public, max-age=120, stale-while-revalidate=3600, stale-if-error=3600";
const MOST: usize = 1000;
/// When the first model of the list was added, in Unix seconds. Each further model was added one day earlier.
const NEWEST: u64 = 1_793_000_000;
/// The request fields that a model uses where its entry names none.
const PARAMETERS: [&str; 17] = [
    "frequency_penalty",
    "include_reasoning",
    "logit_bias",
    "max_completion_tokens",
    "max_tokens",
    "presence_penalty",
    "reasoning",
    "repetition_penalty",
    "response_format",
    "seed",
    "stop",
    "structured_outputs",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

pub(crate) async fn models(
    State(stand_in): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let offset = number(&query, "offset", 0)?;
    let limit = number(&query, "limit", 1)?;
    let wanted = query.get("q").map(|text| text.to_lowercase());
    let catalogue = locked(&stand_in.catalogue);
    let found: Vec<(usize, &Model)> = catalogue
        .models()
        .iter()
        .enumerate()
        .filter(|(_, model)| match &wanted {
            Some(text) => model.id.contains(text) || model.name.to_lowercase().contains(text),
            None => true,
        })
        .collect();
    let total = found.len();
    let (start, count) = match (offset, limit) {
        (None, None) => (0, stand_in.settings.page_size.unwrap_or(total)),
        (offset, limit) => (offset.unwrap_or(0), limit.unwrap_or(500)),
    };
    let page: Vec<Value> = found
        .into_iter()
        .skip(start)
        .take(count)
        .map(|(place, model)| entry(place, model))
        .collect();
    let end = start.saturating_add(count);
    let next = (end < total).then(|| format!("/api/v1/models?offset={end}&limit={count}"));
    let body = json!({"data": page, "total_count": total, "links": {"next": next}});
    let mut response = Json(body).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    Ok(response)
}

pub(crate) async fn user_models(
    state: State<Shared>,
    headers: HeaderMap,
    query: Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    Caller::read(&headers, &state.0)?;
    models(state, query).await
}

pub(crate) async fn count(State(stand_in): State<Shared>) -> Json<Value> {
    let count = locked(&stand_in.catalogue).models().len();
    Json(json!({"data": {"count": count}}))
}

pub(crate) async fn model(
    State(stand_in): State<Shared>,
    Path((author, slug)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let catalogue = locked(&stand_in.catalogue);
    let id = format!("{author}/{slug}");
    let model = catalogue.find_variant(&id).ok_or_else(not_found)?;
    let target = model.target.as_deref();
    let model = target
        .and_then(|target| catalogue.find(target))
        .unwrap_or(model);
    Ok(Json(json!({"data": entry(0, model)})))
}

pub(crate) async fn endpoints(
    State(stand_in): State<Shared>,
    Path((author, slug)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let catalogue = locked(&stand_in.catalogue);
    let id = format!("{author}/{slug}");
    let model = catalogue.find_variant(&id).ok_or_else(not_found)?;
    let mut data = entry(0, model);
    let provider = provider(&model.id);
    let endpoint = json!({
        "name": format!("{provider} | {}", model.id),
        "model_id": model.id, "model_name": model.name,
        "provider_name": provider, "tag": provider.to_lowercase().replace(' ', "-"),
        "context_length": model.context, "max_prompt_tokens": null,
        "max_completion_tokens": model.max_output, "pricing": model.pricing(),
        "quantization": "unknown", "supported_parameters": data.get("supported_parameters"),
        "status": 0, "uptime_last_5m": 100, "uptime_last_30m": 99.9, "uptime_last_1d": 99.8,
        "latency_last_30m": null, "throughput_last_30m": null,
        "supports_implicit_caching": false, "supports_diarization": false,
        "supports_tool_choice": {"none": true, "auto": true, "required": true, "function": true},
        "service_tier": null, "native_tools": {},
    });
    if let Some(data) = data.as_object_mut() {
        data.retain(|key, _| {
            ["id", "name", "created", "description", "architecture"].contains(&key.as_str())
        });
        data.insert("endpoints".into(), json!([endpoint]));
    }
    Ok(Json(json!({"data": data})))
}

pub(crate) async fn providers(State(stand_in): State<Shared>) -> Json<Value> {
    let catalogue = locked(&stand_in.catalogue);
    let mut names: Vec<_> = catalogue.models().iter().map(|m| provider(&m.id)).collect();
    names.sort_unstable();
    names.dedup();
    let data: Vec<_> = names
        .iter()
        .map(|name| {
            json!({
                "name": name, "slug": name.to_lowercase().replace(' ', "-"),
                "privacy_policy_url": null, "terms_of_service_url": null,
                "status_page_url": null, "headquarters": "US", "datacenters": ["US"],
            })
        })
        .collect();
    Json(json!({"data": data}))
}

fn not_found() -> Refusal {
    Refusal::new(404, "Resource not found")
}

fn number(
    query: &HashMap<String, String>,
    name: &str,
    least: usize,
) -> Result<Option<usize>, Refusal> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    match text.parse::<usize>() {
        Ok(value) if value >= least && (name == "offset" || value <= MOST) => Ok(Some(value)),
        _ => Err(Refusal::zod(&json!([{
            "code": "invalid_type", "expected": "number", "received": "nan",
            "path": [name], "message": "Expected number, received nan",
        }]))),
    }
}

/// A model as `/models` shows it. Every seventh has no optional keys, like some real models.
fn entry(place: usize, model: &Model) -> Value {
    let mut entry = json!({
        "id": model.id, "canonical_slug": model.id, "hugging_face_id": null,
        "name": if model.name.is_empty() { &model.id } else { &model.name },
        "created": model.created.unwrap_or_else(|| NEWEST.saturating_sub(place as u64 * 86_400)),
        "description": description(model),
        "context_length": model.context,
        "architecture": {
            "modality": format!("{}->{}", model.input.join("+"), model.output.join("+")),
            "input_modalities": model.input, "output_modalities": model.output, "tokenizer": "Other", "instruct_type": null,
        },
        "pricing": model.pricing(),
        "top_provider": {
            "context_length": model.context, "max_completion_tokens": model.max_output,
            "is_moderated": provider(&model.id) == "OpenAI",
        },
        "per_request_limits": null,
        "supported_parameters": model.parameters.as_deref().map_or(json!(PARAMETERS), |own| json!(own)),
        "default_parameters": {
            "temperature": null, "top_p": null, "top_k": null, "frequency_penalty": null,
            "presence_penalty": null, "repetition_penalty": null,
        },
        "reasoning": {
            "mandatory": false, "default_effort": "medium", "default_enabled": false,
            "supported_efforts": ["high", "medium", "low"], "supports_max_tokens": false,
        },
        "supported_voices": null,
        "expiration_date": model.expires,
        "knowledge_cutoff": "2025-06-30",
        "links": {"details": format!("/api/v1/models/{}/endpoints", model.id)},
    });
    let Some(fields) = entry.as_object_mut() else {
        return entry;
    };
    if let Some(target) = &model.target
        && !model.is_router()
    {
        let alias = json!({"name": target, "slug": target});
        fields.insert("alias_target".into(), alias);
    }
    if place % 7 == 6 && model.expires.is_none() {
        for key in ["hugging_face_id", "expiration_date", "knowledge_cutoff"] {
            fields.remove(key);
        }
    }
    entry
}

fn description(model: &Model) -> String {
    let text = format!(
        "{} An entry of the stand-in for local runs and tests: it answers with text computed from \
         the prompt, charges by the listed prices and never leaves this computer. It reads text, \
         images and files, and calls tools.",
        model.about
    );
    text.trim_start()
        .chars()
        .take(187)
        .chain("...".chars())
        .collect()
}
