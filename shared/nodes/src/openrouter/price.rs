//! What a call may cost at most. No call is started that its budgets do not cover.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Number, Value};
use steps_openrouter::{ChatRequest, ModelList, Pricing};
use steps_problem::Problem;

use super::document::Chat;
use super::options::MOST_PRICE;
use super::request::{as_written, prompt_bytes};
use crate::most::Most;
use crate::node_kind::NodeKind;
use crate::preview::CallPreview;
use crate::scope::Scope;

/// A token is hardly ever less than two bytes of a prompt; providers wrap a message in a few more.
const BYTES_PER_TOKEN: usize = 2;
const WRAPPING_TOKENS: usize = 32;

/// How many bytes of a prompt a token usually has.
const USUAL_BYTES_PER_TOKEN: usize = 4;

/// OpenRouter's `max_price` counts in USD per million tokens.
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// The highest prices that may be charged, USD per million tokens, and per request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ceiling {
    prompt: Decimal,
    completion: Decimal,
    request: Decimal,
}

/// The highest prices that the model list has for the models that may answer. Where the node itself sets a `max_price`,
/// that price.
pub(super) async fn ceiling(request: &ChatRequest, scope: &impl Scope) -> Result<Ceiling, Problem> {
    let fallbacks = request.models.iter().map(String::as_str);
    let models = || std::iter::once(request.model.as_str()).chain(fallbacks.clone());
    let list = scope.models(&models().collect::<Vec<_>>()).await?;
    Ceiling::highest(models(), &list, prompt_tokens(request))
        .map(|ceiling| ceiling.or_own(request))
        .map_err(unknown_price)
}

/// What a try of this node may cost at most. A prompt that has tags may become as long as any that has a price of its own.
pub(super) fn most_before_run<'n>(
    node: &'n Chat,
    list: Option<&ModelList>,
) -> Result<Most, &'n str> {
    let list = list.ok_or(node.model.as_str())?;
    let request = as_written(node);
    let has_tags = [&node.system_prompt, &node.user_prompt]
        .iter()
        .any(|prompt| prompt.has_tags());
    let longest = if has_tags {
        usize::MAX
    } else {
        prompt_tokens(&request)
    };
    let ceiling = Ceiling::highest(node.models(), list, longest)?.or_own(&request);
    Ok(Most {
        usd: ceiling.most(&request),
        usd_per_million_inserted: has_tags.then_some(ceiling.prompt),
    })
}

/// What this request may cost at most by the model list, where there is one; also with each of `models` in place of its own.
pub(super) fn preview_of(
    request: &ChatRequest,
    list: Option<&ModelList>,
    models: &[String],
) -> CallPreview {
    let tokens = prompt_tokens(request);
    let most = |models: &[&str]| {
        let list = list.ok_or_else(|| request.model.clone())?;
        let ceiling = Ceiling::highest(models.iter().copied(), list, tokens);
        let ceiling = ceiling.map_err(str::to_owned)?;
        Ok::<_, String>(ceiling.or_own(request).most(request))
    };
    let fallbacks = request.models.iter().map(String::as_str);
    let own: Vec<&str> = std::iter::once(request.model.as_str())
        .chain(fallbacks)
        .collect();
    CallPreview {
        tokens_about: prompt_bytes(request).div_ceil(USUAL_BYTES_PER_TOKEN),
        tokens_at_most: tokens,
        max_tokens: request.max_tokens,
        most_usd: most(&own),
        by_model: models
            .iter()
            .map(|model| (model.clone(), most(&[model.as_str()]).ok()))
            .collect(),
    }
}

impl Ceiling {
    /// The highest prices that the list has for any of these models and a prompt of so many tokens; else the model that
    /// has no price.
    fn highest<'m>(
        models: impl IntoIterator<Item = &'m str>,
        list: &ModelList,
        prompt_tokens: usize,
    ) -> Result<Self, &'m str> {
        let mut ceiling = Self {
            prompt: Decimal::ZERO,
            completion: Decimal::ZERO,
            request: Decimal::ZERO,
        };
        for model in models {
            let listed = list
                .find(model)
                .and_then(|listed| Self::listed(&listed.pricing, prompt_tokens))
                .ok_or(model)?;
            ceiling.prompt = ceiling.prompt.max(listed.prompt);
            ceiling.completion = ceiling.completion.max(listed.completion);
            ceiling.request = ceiling.request.max(listed.request);
        }
        Ok(ceiling)
    }

    /// A hundredth above the listed prices, rounded up: OpenRouter compares with floats, and a price that is only a
    /// little too low would leave no provider. A longer prompt may have a price of its own.
    fn listed(pricing: &Pricing, prompt_tokens: usize) -> Option<Self> {
        let room = Decimal::new(101, 2);
        let up = |price: Decimal| {
            (price * MILLION * room)
                .round_dp_with_strategy(6, RoundingStrategy::AwayFromZero)
                .normalize()
        };
        let mut prompt = pricing.prompt?;
        let mut completion = pricing.completion?;
        for dearer in overrides(pricing, prompt_tokens) {
            let price = |name: &str| dearer.get(name)?.as_str()?.parse::<Decimal>().ok();
            prompt = prompt.max(price("prompt").unwrap_or_default());
            completion = completion.max(price("completion").unwrap_or_default());
        }
        Some(Self {
            prompt: up(prompt),
            completion: up(completion),
            request: pricing.request.unwrap_or_default(),
        })
    }

    /// What the node's own `provider.max_price` sets takes the catalogue's place.
    fn or_own(mut self, request: &ChatRequest) -> Self {
        let own = |name: &str| {
            let max_price = request.options.get("provider")?.get("max_price")?;
            let price = decimal(max_price.get(name)?)?;
            // A document that was stored before this was checked may hold anything.
            (Decimal::ZERO..=MOST_PRICE.into())
                .contains(&price)
                .then_some(price)
        };
        if let Some(prompt) = own("prompt") {
            self.prompt = prompt;
        }
        if let Some(completion) = own("completion") {
            self.completion = completion;
        }
        if let Some(each) = own("request") {
            self.request = each;
        }
        self
    }

    /// Tells OpenRouter to choose no provider with a higher price.
    pub(super) fn keep_to(&self, request: &mut ChatRequest) {
        let provider = request
            .options
            .entry("provider")
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(provider) = provider.as_object_mut() else {
            return;
        };
        let max_price = provider
            .entry("max_price")
            .or_insert_with(|| Value::Object(Map::new()));
        if !max_price.is_object() {
            *max_price = Value::Object(Map::new());
        }
        let Some(max_price) = max_price.as_object_mut() else {
            return;
        };
        for (name, price) in [("prompt", self.prompt), ("completion", self.completion)] {
            // What stands there is what is reserved, or it is none that counts.
            let stands = max_price.get(name).and_then(decimal) == Some(price);
            let number: Option<Number> = price.to_string().parse().ok();
            if let Some(number) = number.filter(|_| !stands) {
                max_price.insert(name.to_owned(), Value::Number(number));
            }
        }
    }

    /// What the request may cost at most, USD: its prompt, generously counted, and `max_tokens`.
    pub(super) fn most(&self, request: &ChatRequest) -> Decimal {
        let prompt = self.prompt * Decimal::from(prompt_tokens(request));
        let completion = self.completion * Decimal::from(request.max_tokens);
        ((prompt + completion) / MILLION + self.request).normalize()
    }
}

/// A price as a node may write it: a number, or a text of one.
fn decimal(price: &Value) -> Option<Decimal> {
    match price {
        Value::String(text) => text.parse().ok(),
        number => number.to_string().parse().ok(),
    }
}

fn prompt_tokens(request: &ChatRequest) -> usize {
    prompt_bytes(request).div_ceil(BYTES_PER_TOKEN) + WRAPPING_TOKENS
}

/// Prices that may hold for a prompt of so many tokens, or at some time of the day.
fn overrides(pricing: &Pricing, prompt_tokens: usize) -> Vec<Map<String, Value>> {
    let overrides: Vec<Map<String, Value>> = pricing
        .others
        .get("overrides")
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let may_hold = |price: &Map<String, Value>| {
        price
            .get("min_prompt_tokens")
            .and_then(Value::as_u64)
            .is_none_or(|least| prompt_tokens as u64 > least)
    };
    overrides.into_iter().filter(may_hold).collect()
}

fn unknown_price(model: &str) -> Problem {
    Problem::new(
        409,
        "PriceUnknown",
        "Price Unknown",
        format!("the call has to keep to a budget, and OpenRouter lists no price for `{model}`"),
    )
    .solution([
        "Choose a model that has prices in GET /models",
        "Or take the budget away: `limits.maxCostUsd` and `limits.maxCostUsdPerDay` of the workflow, `maxCostUsdPerDay` of the credential",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openrouter::request::chat_request;
    use jiff::Timestamp;
    use serde_json::json;
    use steps_openrouter::Model;

    fn pricing() -> Pricing {
        Pricing {
            prompt: Some("0.00000015".parse().unwrap()),
            completion: Some("0.0000006".parse().unwrap()),
            ..Pricing::default()
        }
    }

    fn request(provider: Option<Value>) -> ChatRequest {
        let options = provider
            .map(|provider| ("provider".to_owned(), provider))
            .into_iter()
            .collect();
        ChatRequest::new("openai/gpt-4o-mini")
            .user("hi")
            .max_tokens(1000)
            .options(options)
    }

    #[test]
    fn the_price_that_is_reserved_is_the_price_that_openrouter_is_held_to() {
        let ceiling = Ceiling::listed(&pricing(), 100).unwrap();
        let mut request = request(Some(json!({"sort": "price"})));
        ceiling.keep_to(&mut request);
        assert_eq!(
            request.options.get("provider"),
            Some(&json!({"sort": "price", "max_price": {"prompt": 0.1515, "completion": 0.606}}))
        );
        let most = ceiling.most(&request);
        let tokens = Decimal::from(prompt_tokens(&request));
        let exact = (Decimal::new(1515, 4) * tokens + Decimal::from(606)) / MILLION;
        assert_eq!(most, exact.normalize());
    }

    #[test]
    fn a_nodes_own_max_price_is_kept_and_reserved() {
        let own = json!({"max_price": {"prompt": 1, "completion": "2"}});
        let mut request = request(Some(own.clone()));
        let ceiling = Ceiling::listed(&pricing(), 100).unwrap().or_own(&request);
        assert_eq!(ceiling.prompt, Decimal::ONE);
        assert_eq!(ceiling.completion, Decimal::TWO);
        ceiling.keep_to(&mut request);
        assert_eq!(request.options.get("provider"), Some(&own));
    }

    fn list(pricing: Pricing) -> ModelList {
        let model = Model {
            id: "openai/gpt-4o-mini".to_owned(),
            pricing,
            ..Model::default()
        };
        ModelList::new(vec![model], Timestamp::UNIX_EPOCH)
    }

    fn chat(fields: Value) -> Chat {
        let mut node = json!({"credential": "main", "systemPrompt": "", "maxTokens": 1000});
        let fields = fields.as_object().unwrap().clone();
        node.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(node).unwrap()
    }

    #[test]
    fn before_a_run_a_prompt_without_tags_may_cost_what_is_reserved_for_it() {
        let list = list(pricing());
        let plain = chat(json!({"userPrompt": "hi"}));
        let ceiling = Ceiling::listed(&pricing(), 100).unwrap();
        let reserved = ceiling.most(&chat_request(&plain, &json!({}), &[]).unwrap());
        let most = most_before_run(&plain, Some(&list)).unwrap();
        assert_eq!((most.usd, most.usd_per_million_inserted), (reserved, None));
        let own =
            json!({"userPrompt": "hi", "provider": {"max_price": {"prompt": 0, "completion": 2}}});
        let most = most_before_run(&chat(own), Some(&list)).unwrap();
        assert_eq!(most.usd, Decimal::new(2, 3));
    }

    #[test]
    fn before_a_run_a_prompt_with_tags_is_counted_as_it_is_written_at_the_price_of_the_longest() {
        let mut pricing = pricing();
        let dearer = r#"[{"min_prompt_tokens":200000,"prompt":"0.0000003"}]"#;
        pricing
            .others
            .insert("overrides".to_owned(), dearer.to_owned());
        let tagged = chat(json!({"userPrompt": "{{topic}}"}));
        let most = most_before_run(&tagged, Some(&list(pricing.clone()))).unwrap();
        let longest = Ceiling::listed(&pricing, usize::MAX).unwrap();
        assert_eq!(most.usd, longest.most(&as_written(&tagged)));
        assert_eq!(most.usd_per_million_inserted, Some(Decimal::new(303, 3)));
    }

    #[test]
    fn a_preview_costs_what_a_budget_reserves_and_prices_other_models_in_its_place() {
        let list = list(pricing());
        let plain = chat(json!({"userPrompt": "hi"}));
        let request = chat_request(&plain, &json!({}), &[]).unwrap();
        let others = ["openai/gpt-4o-mini".to_owned(), "openai/gone".to_owned()];
        let preview = preview_of(&request, Some(&list), &others);
        let reserved = Ceiling::listed(&pricing(), 100).unwrap().most(&request);
        assert_eq!(preview.most_usd, Ok(reserved));
        assert_eq!(preview.max_tokens, 1000);
        assert!(preview.tokens_about < preview.tokens_at_most);
        let [same, gone] = others;
        assert_eq!(preview.by_model, [(same, Some(reserved)), (gone, None)]);
        let unlisted = preview_of(&request, None, &[]);
        assert_eq!(unlisted.most_usd, Err("openai/gpt-4o-mini".to_owned()));
    }

    #[test]
    fn before_a_run_a_model_without_a_price_is_named() {
        let unlisted = chat(json!({"userPrompt": "hi", "models": ["openai/gone"]}));
        let list = list(pricing());
        assert_eq!(most_before_run(&unlisted, Some(&list)), Err("openai/gone"));
        assert_eq!(most_before_run(&unlisted, None), Err("openai/gpt-4o-mini"));
    }

    #[test]
    fn a_max_price_that_is_none_is_replaced_by_the_one_that_is_reserved() {
        for own in [
            json!({"max_price": null}),
            json!({"max_price": {"prompt": null, "completion": -1}}),
            json!({"max_price": {"prompt": "1e28", "completion": "free"}}),
        ] {
            let mut request = request(Some(own.clone()));
            let ceiling = Ceiling::listed(&pricing(), 100).unwrap().or_own(&request);
            ceiling.keep_to(&mut request);
            let sent = &request.options["provider"]["max_price"];
            assert_eq!(
                sent,
                &json!({"prompt": 0.1515, "completion": 0.606}),
                "{own}"
            );
        }
    }

    #[test]
    fn a_long_prompt_is_reserved_at_its_own_price() {
        let mut pricing = pricing();
        pricing.others.insert(
            "overrides".to_owned(),
            r#"[{"min_prompt_tokens":200000,"prompt":"0.0000003","completion":"0.0000012"}]"#
                .to_owned(),
        );
        let short = Ceiling::listed(&pricing, 200_000).unwrap();
        let long = Ceiling::listed(&pricing, 200_001).unwrap();
        assert_eq!(long.prompt, short.prompt * Decimal::TWO);
        assert_eq!(long.completion, short.completion * Decimal::TWO);
    }
}
