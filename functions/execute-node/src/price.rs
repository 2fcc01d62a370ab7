//! What a call may cost at most, so that a run with a budget starts none that it cannot pay for.

use std::time::Duration;

use rust_decimal::Decimal;
use steps_catalogue::Catalogue;
use steps_openrouter::{ChatRequest, Client};
use steps_problem::Problem;

/// A token is hardly ever less than two bytes of a prompt; providers wrap a message in a few more.
const BYTES_PER_TOKEN: usize = 2;
const WRAPPING_TOKENS: usize = 32;

/// How long the model list may take where none was ever read.
const PATIENCE: Duration = Duration::from_secs(30);

/// USD: the prompt, generously counted, and `max_tokens` at the dearest of the models that may answer.
pub(crate) async fn most(
    request: &ChatRequest,
    prompt_bytes: usize,
    catalogue: &Catalogue,
    openrouter: &Client,
) -> Result<Decimal, Problem> {
    let models = || std::iter::once(&request.model).chain(&request.models);
    let list = match catalogue.naming(models().map(String::as_str)).await? {
        Some(list) => list,
        None => catalogue.refresh(openrouter, PATIENCE).await?,
    };
    let mut most = Decimal::ZERO;
    for model in models() {
        let pricing = list.find(model).map(|listed| &listed.pricing);
        let pricing = pricing.and_then(|pricing| Some((pricing.prompt?, pricing.completion?)));
        let Some((prompt, completion)) = pricing else {
            return Err(unknown_price(model));
        };
        let tokens = prompt_bytes.div_ceil(BYTES_PER_TOKEN) + WRAPPING_TOKENS;
        let cost = prompt * Decimal::from(tokens) + completion * Decimal::from(request.max_tokens);
        most = most.max(cost);
    }
    Ok(most.normalize())
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
