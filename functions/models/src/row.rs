//! A model as it is shown.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use steps_openrouter::model_id::{RECOMMENDED, Recommended};
use steps_openrouter::{DEFAULT_MODEL, Model};

/// A model as a list shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row<'a> {
    id: &'a str,
    name: &'a str,
    provider: &'a str,
    description: &'a str,
    /// When OpenRouter added it, RFC 3339.
    created: Option<String>,
    context_length: Option<u64>,
    max_completion_tokens: Option<u64>,
    /// USD per million tokens, a decimal; `null` where OpenRouter does not say.
    prompt_price: Option<String>,
    /// The same for what is generated.
    completion_price: Option<String>,
    free: bool,
    input_modalities: &'a [String],
    output_modalities: &'a [String],
    supported_parameters: &'a [String],
    /// The day of its announced end.
    retires: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended: Option<&'a str>,
    default: bool,
}

/// USD per million tokens, from USD per token.
pub(crate) fn per_million(price: Decimal) -> Decimal {
    (price * Decimal::from(1_000_000)).normalize()
}

pub(crate) fn shown_price(price: Option<Decimal>) -> Option<String> {
    price.map(|price| per_million(price).to_string())
}

impl<'a> From<&'a Model> for Row<'a> {
    fn from(model: &'a Model) -> Self {
        Self {
            id: &model.id,
            name: &model.name,
            provider: model.provider(),
            description: &model.description,
            created: created(model),
            context_length: model.context_length,
            max_completion_tokens: model.max_completion_tokens,
            prompt_price: shown_price(model.pricing.prompt),
            completion_price: shown_price(model.pricing.completion),
            free: model.is_free(),
            input_modalities: &model.input_modalities,
            output_modalities: &model.output_modalities,
            supported_parameters: &model.supported_parameters,
            retires: model.expiration_date.as_deref(),
            recommended: RECOMMENDED
                .iter()
                .find(|entry: &&Recommended| entry.id == model.id)
                .map(|entry| entry.description),
            default: model.id == DEFAULT_MODEL,
        }
    }
}

fn created(model: &Model) -> Option<String> {
    let seconds = i64::try_from(model.created).ok().filter(|at| *at > 0)?;
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}
