//! `GET /tools`: the tools that OpenRouter runs itself, and what they cost.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::keys::Caller;
use crate::refusal::Refusal;
use crate::state::Shared;

pub(crate) async fn list(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    Caller::read(&headers, &stand_in)?;
    let tools = [
        ("openrouter:web_search", "0.007", "call", 50),
        ("openrouter:web_fetch", "0.001", "call", 10),
        ("openrouter:datetime", "0", "call", 1),
    ];
    let data: Vec<Value> = tools
        .into_iter()
        .map(|(id, price, unit, most)| tool(id, price, unit, most))
        .collect();
    Ok(Json(
        json!({"data": data, "total_count": data.len(), "links": {"next": null}}),
    ))
}

fn tool(id: &str, price: &str, unit: &str, most: u64) -> Value {
    let name = id.trim_start_matches("openrouter:").replace('_', " ");
    let formats = json!(["chat-completions", "responses"]);
    let empty = json!({"type": "object", "properties": {}});
    json!({
        "id": id, "name": name, "summary": name, "tool_description": name, "status": "active",
        "docs_url": "https://openrouter.ai/docs/guides/features/server-tools",
        "aliases": [{"type": id, "api_formats": formats, "output_names": []}],
        "supported_api_formats": formats, "default_engine": null, "fallback_engine": null,
        "parameters_schema": empty, "input_schema": empty, "output_schema": null,
        "engines": [{
            "id": null, "name": "Stand-In", "executed_by": "openrouter", "data_regions": ["global"],
            "byok": "none", "default_mode": null, "pricing_source": "openrouter", "pricing_doc_url": null,
            "pricing": [{"mode": null, "unit": unit, "price": price, "max_units_per_call": most}],
        }],
        "native_support": {"endpoint_count": 0, "model_count": 0},
    })
}
