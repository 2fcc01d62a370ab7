//! Who serves a model, at what price: `GET /models/{id}/endpoints`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::lenient;
use crate::models::Pricing;

/// A model and everyone who serves it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelEndpoints {
    /// The model's id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The model's name for people.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Those who serve it.
    #[serde(deserialize_with = "lenient::or_default")]
    pub endpoints: Vec<Endpoint>,
}

/// One provider's offer of a model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// The provider's name, such as `DeepInfra`.
    #[serde(deserialize_with = "lenient::text")]
    pub provider_name: String,
    /// Its name in a request's `provider.order`, such as `deepinfra/turbo`.
    #[serde(deserialize_with = "lenient::text")]
    pub tag: String,
    /// Tokens of prompt and answer together.
    #[serde(deserialize_with = "lenient::count")]
    pub context_length: Option<u64>,
    /// Most tokens of an answer.
    #[serde(deserialize_with = "lenient::count")]
    pub max_completion_tokens: Option<u64>,
    /// What it costs here.
    #[serde(deserialize_with = "prices")]
    pub pricing: Pricing,
    /// `fp8`, `int4`, `unknown`, ...
    #[serde(deserialize_with = "lenient::string")]
    pub quantization: Option<String>,
    /// Names of the request fields that it uses.
    #[serde(deserialize_with = "lenient::strings")]
    pub supported_parameters: Vec<String>,
    /// 0 is healthy; a number below 0 is degraded or off.
    pub status: Option<i64>,
    /// Percent of requests that worked within the last half hour.
    pub uptime_last_30m: Option<f64>,
}

fn prices<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Pricing, D::Error> {
    let prices: BTreeMap<String, Value> = lenient::or_default(from)?;
    Ok(Pricing::from_wire(prices))
}
