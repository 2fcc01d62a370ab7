//! What a call may cost at most, so that a run with a budget starts none that it cannot pay for.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use steps_openrouter::catalogue::base_id;
use steps_openrouter::{ChatRequest, Client, Model, Pricing};
use steps_problem::Problem;
use steps_runs::Store;
use tokio::sync::Mutex;

/// Prices of the catalogue, kept while the function is warm.
#[derive(Debug, Default)]
pub(crate) struct Prices {
    read: Mutex<Option<(Instant, HashMap<String, Pricing>)>>,
}

const CACHE_TIME: Duration = Duration::from_secs(15 * 60);

/// A token is hardly ever less than two bytes of a prompt; providers wrap a message in a few more.
const BYTES_PER_TOKEN: usize = 2;
const WRAPPING_TOKENS: usize = 32;

impl Prices {
    /// USD: the prompt, generously counted, and `max_tokens` at the dearest of the models that may answer.
    pub(crate) async fn most(
        &self,
        request: &ChatRequest,
        prompt_bytes: usize,
        store: &Store,
        openrouter: &Client,
    ) -> Result<Decimal, Problem> {
        let mut read = self.read.lock().await;
        let prices = match &*read {
            Some((at, prices)) if at.elapsed() < CACHE_TIME => prices,
            _ => {
                let prices = load(store, openrouter).await?;
                &read.insert((Instant::now(), prices)).1
            }
        };
        let mut most = Decimal::ZERO;
        for model in std::iter::once(&request.model).chain(&request.models) {
            let pricing = prices
                .get(model)
                .or_else(|| prices.get(base_id(model)))
                .and_then(|pricing| Some((pricing.prompt?, pricing.completion?)));
            let Some((prompt, completion)) = pricing else {
                return Err(unknown_price(model));
            };
            let tokens = prompt_bytes.div_ceil(BYTES_PER_TOKEN) + WRAPPING_TOKENS;
            let cost =
                prompt * Decimal::from(tokens) + completion * Decimal::from(request.max_tokens);
            most = most.max(cost);
        }
        Ok(most.normalize())
    }
}

async fn load(store: &Store, openrouter: &Client) -> Result<HashMap<String, Pricing>, Problem> {
    let cached: Option<Vec<Model>> = store
        .catalogue()
        .await?
        .and_then(|catalogue| serde_json::from_str(&catalogue.models).ok());
    let models = match cached {
        Some(models) => models,
        None => openrouter.models().await?,
    };
    Ok(models
        .into_iter()
        .map(|model| (model.id, model.pricing))
        .collect())
}

fn unknown_price(model: &str) -> Problem {
    Problem::new(
        409,
        "PriceUnknown",
        "Price Unknown",
        format!("the run has a budget, and OpenRouter lists no price for `{model}`"),
    )
    .solution([
        "Choose a model that has prices in GET /models",
        "Or take `limits.maxCostUsd` out of the workflow",
    ])
}

/// The run's budget does not cover what the call may cost.
pub(crate) fn over_budget(limit: Decimal, needed: Decimal) -> Problem {
    Problem::new(
        402,
        "BudgetExceeded",
        "Budget Exceeded",
        format!(
            "the call may cost up to {needed} USD, and what is left of the run's `maxCostUsd` of {limit} USD is less"
        ),
    )
    .solution([
        "Raise `limits.maxCostUsd` in the workflow",
        "Or lower the node's `maxTokens`, or choose a cheaper model",
    ])
}
