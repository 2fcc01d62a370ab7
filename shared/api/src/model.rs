//! Models: what callers are answered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_openrouter::model_id::{RECOMMENDED, Recommended, Routing};
use steps_openrouter::{DEFAULT_MODEL, Endpoint, Model};
use steps_problem::Problem;
use steps_store::millis;

/// A model as a list shows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelView {
    /// What a node's `model` names, such as `openai/gpt-4o-mini`; case-sensitive.
    pub id: String,
    /// For people.
    pub name: String,
    /// The author's part of the id.
    pub provider: String,
    /// A sentence or two.
    pub description: String,
    /// When OpenRouter added it.
    pub created: Option<Timestamp>,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// Most tokens of an answer.
    pub max_completion_tokens: Option<u64>,
    /// USD per million tokens sent; `null` where OpenRouter does not say.
    pub prompt_price: Option<Decimal>,
    /// USD per million tokens generated; `null` where OpenRouter does not say.
    pub completion_price: Option<Decimal>,
    /// Whether it is a free variant.
    pub free: bool,
    /// `text`, `image`, `file`, `audio`, `video`.
    pub input_modalities: Vec<String>,
    /// `text`, `image`, `embeddings`, ...
    pub output_modalities: Vec<String>,
    /// The names of the request fields that it heeds.
    pub supported_parameters: Vec<String>,
    /// The day of its announced end, `YYYY-MM-DD`.
    pub retires: Option<String>,
    /// What it is good for, where it is one that is worth offering first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended: Option<String>,
    /// Whether it is the model of a node that names none.
    pub default: bool,
}

impl From<&Model> for ModelView {
    fn from(model: &Model) -> Self {
        let recommended = RECOMMENDED.iter().find(|entry| entry.id == model.id);
        Self {
            id: model.id.clone(),
            name: model.name.clone(),
            provider: model.provider().to_owned(),
            description: model.description.clone(),
            created: created(model),
            context_length: model.context_length,
            max_completion_tokens: model.max_completion_tokens,
            prompt_price: model.pricing.prompt.map(per_million),
            completion_price: model.pricing.completion.map(per_million),
            free: model.is_free(),
            input_modalities: model.input_modalities.clone(),
            output_modalities: model.output_modalities.clone(),
            supported_parameters: model.supported_parameters.clone(),
            retires: model.expiration_date.clone(),
            recommended: recommended.map(|entry| entry.description.to_owned()),
            default: model.id == DEFAULT_MODEL,
        }
    }
}

fn created(model: &Model) -> Option<Timestamp> {
    let seconds = i64::try_from(model.created).ok().filter(|at| *at > 0)?;
    Timestamp::from_second(seconds).ok()
}

/// USD per million tokens, from USD per token.
#[must_use]
pub fn per_million(price: Decimal) -> Decimal {
    (price * Decimal::from(1_000_000)).normalize()
}

/// The answer of `GET /models`: a page of the list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ModelPage {
    /// The model of a node that names none.
    pub default: String,
    /// The models of this page.
    pub models: Vec<ModelView>,
    /// How many models this page has.
    pub count: usize,
    /// How many models fit the filters.
    pub matched: usize,
    /// How many models there are.
    pub total: usize,
    /// Asks for the next page; `null` on the last.
    pub cursor: Option<String>,
    /// The models worth offering first.
    pub recommended: Vec<Offer>,
    /// How old the list is.
    #[serde(flatten)]
    pub age: Age,
}

/// A model worth offering first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// What it is good for, in a few words.
    pub description: String,
    /// The section it stands in, such as `OpenAI` or `Free Tier`.
    pub group: String,
    /// Whether OpenRouter still lists it.
    pub exists: bool,
    /// Where it does not: the newest model of its family.
    pub successor: Option<String>,
}

impl Offer {
    /// The offer of a model. Where OpenRouter does not list it, `successor` is the newest of its family.
    pub fn new(entry: &Recommended, exists: bool, successor: Option<&Model>) -> Self {
        Self {
            id: entry.id.to_owned(),
            description: entry.description.to_owned(),
            group: entry.group.to_owned(),
            exists,
            successor: successor.map(|model| model.id.clone()),
        }
    }
}

/// How old the list of models is that an answer was made from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Age {
    /// When it was read from OpenRouter.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub fetched_at: Timestamp,
    /// Seconds since then.
    pub age_seconds: i64,
    /// Why OpenRouter could not be asked, where the list is older than an hour.
    pub stale: Option<Problem>,
}

/// The answer of `GET /models/{author}/{slug}`: one model in full.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelDetails {
    /// The id that was asked for.
    pub requested: String,
    /// What the parts of that id do beside naming a model.
    pub routing: Vec<RoutingView>,
    /// The model behind it; left out where OpenRouter chooses one on each call.
    #[serde(flatten)]
    pub model: Option<FullModel>,
    /// The offers of those who serve it; `null` where they could not be had.
    pub endpoints: Option<Vec<EndpointView>>,
    /// Why they could not be had.
    pub endpoints_problem: Option<Problem>,
    /// How old the list is.
    #[serde(flatten)]
    pub age: Age,
}

/// What a part of a model's id does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoutingView {
    /// The part, such as `:nitro`, `@preset/mail` or `openrouter/auto`.
    pub part: String,
    /// What it does, in a sentence without its subject.
    pub effect: String,
}

impl From<Routing<'_>> for RoutingView {
    fn from(routing: Routing<'_>) -> Self {
        Self {
            part: routing.part.to_owned(),
            effect: routing.effect.to_owned(),
        }
    }
}

/// A model with what lists leave out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FullModel {
    /// As a list shows it.
    #[serde(flatten)]
    pub row: ModelView,
    /// The permanent name behind the id, often dated.
    pub canonical_slug: String,
    /// Whether OpenRouter moderates what is sent to its best provider.
    pub is_moderated: bool,
    /// The other prices under OpenRouter's names, in its own units.
    pub other_prices: BTreeMap<String, String>,
}

impl From<&Model> for FullModel {
    fn from(model: &Model) -> Self {
        Self {
            row: model.into(),
            canonical_slug: model.canonical_slug.clone(),
            is_moderated: model.is_moderated,
            other_prices: model.pricing.others.clone(),
        }
    }
}

/// A provider's offer of a model.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    /// The provider's name.
    pub provider: String,
    /// What a node's `provider.order` calls it.
    pub tag: String,
    /// Tokens of prompt and answer together.
    pub context_length: Option<u64>,
    /// Most tokens of an answer.
    pub max_completion_tokens: Option<u64>,
    /// USD per million tokens sent.
    pub prompt_price: Option<Decimal>,
    /// USD per million tokens generated.
    pub completion_price: Option<Decimal>,
    /// `fp8`, `int4`, `unknown`, ...
    pub quantization: Option<String>,
    /// The names of the request fields that it heeds.
    pub supported_parameters: Vec<String>,
    /// 0 is well; below it, degraded or off.
    pub status: Option<i64>,
    /// Percent of requests that worked within the last half hour.
    pub uptime_last_30m: Option<f64>,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            prompt_price: endpoint.pricing.prompt.map(per_million),
            completion_price: endpoint.pricing.completion.map(per_million),
            provider: endpoint.provider_name,
            tag: endpoint.tag,
            context_length: endpoint.context_length,
            max_completion_tokens: endpoint.max_completion_tokens,
            quantization: endpoint.quantization,
            supported_parameters: endpoint.supported_parameters,
            status: endpoint.status,
            uptime_last_30m: endpoint.uptime_last_30m,
        }
    }
}

/// The answer of `POST /models/refresh`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefreshedModels {
    /// How many models OpenRouter lists.
    pub total: usize,
    /// When they were read.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub fetched_at: Timestamp,
}
