//! Which models a list shows, and in what order.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rust_decimal::Decimal;
use steps_lambda::{Request, invalid};
use steps_openrouter::Model;
use steps_openrouter::ModelList;
use steps_problem::{Problem, did_you_mean};

use steps_api::per_million;

/// What `GET /models` takes.
const PARAMETERS: [&str; 12] = [
    "provider",
    "free",
    "q",
    "inputModality",
    "outputModality",
    "supports",
    "minContext",
    "maxPromptPrice",
    "maxCompletionPrice",
    "sort",
    "limit",
    "cursor",
];

/// More than any model has.
const MOST_CONTEXT: u64 = 1_000_000_000;

/// What a listed model has to be. An empty or missing field asks for nothing.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    providers: Vec<String>,
    free: Option<bool>,
    words: Vec<String>,
    input: Vec<String>,
    output: Vec<String>,
    supports: Vec<String>,
    min_context: u64,
    max_prompt_price: Option<Decimal>,
    max_completion_price: Option<Decimal>,
    sort: Sort,
}

#[derive(Debug, Clone, Copy, Default)]
enum Sort {
    #[default]
    Newest,
    Price,
    Context,
    Name,
}

const SORTS: [(&str, Sort); 4] = [
    ("newest", Sort::Newest),
    ("price", Sort::Price),
    ("context", Sort::Context),
    ("name", Sort::Name),
];

/// Refuses what `GET /models` does not take: a filter that is misspelt would show everything.
pub(crate) fn only_known(request: &Request) -> Result<(), Problem> {
    let unknown = request
        .query_names()
        .filter(|name| !PARAMETERS.contains(name))
        .min();
    match unknown {
        None => Ok(()),
        Some(name) => Err(invalid(format!(
            "there is no parameter `{name}`; the parameters are {}{}",
            PARAMETERS.join(", "),
            did_you_mean(name, PARAMETERS)
        ))),
    }
}

impl Filters {
    /// The filters of a request; the words of modalities and parameters are those that the list knows.
    pub(crate) fn read(request: &Request, list: &ModelList) -> Result<Self, Problem> {
        let sort = match request.query("sort") {
            None => Sort::default(),
            Some(word) => SORTS
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, sort)| *sort)
                .ok_or_else(|| {
                    let names = SORTS.map(|(name, _)| name).join(", ");
                    invalid(format!("`sort` has to be one of {names}, and is `{word}`"))
                })?,
        };
        Ok(Self {
            providers: words(request, "provider"),
            free: request.flag("free")?,
            words: request
                .query("q")
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_lowercase)
                .collect(),
            input: known(request, "inputModality", list, |model| {
                &model.input_modalities
            })?,
            output: known(request, "outputModality", list, |model| {
                &model.output_modalities
            })?,
            supports: known(request, "supports", list, |model| {
                &model.supported_parameters
            })?,
            min_context: request.number("minContext", 0..=MOST_CONTEXT, 0)?,
            max_prompt_price: price(request, "maxPromptPrice")?,
            max_completion_price: price(request, "maxCompletionPrice")?,
            sort,
        })
    }

    /// The models that fit, in order. Where two are equal, the one with the lesser id comes first.
    pub(crate) fn apply<'l>(&self, list: &'l ModelList) -> Vec<&'l Model> {
        let mut found: Vec<&Model> = list
            .models
            .iter()
            .filter(|model| self.fits(model))
            .collect();
        match self.sort {
            Sort::Newest => found.sort_by_key(|model| (Reverse(model.created), &model.id)),
            Sort::Price => found.sort_by_key(|model| {
                let price = both_prices(model);
                // Those without a price come last.
                (price.is_none(), price, &model.id)
            }),
            Sort::Context => found.sort_by_key(|model| (Reverse(model.context_length), &model.id)),
            Sort::Name => found.sort_by_cached_key(|model| (model.name.to_lowercase(), &model.id)),
        }
        found
    }

    fn fits(&self, model: &Model) -> bool {
        let has_all =
            |wanted: &[String], own: &[String]| wanted.iter().all(|one| own.contains(one));
        let provider = model.provider();
        let cheap = |most: Option<Decimal>, price: Option<Decimal>| {
            most.is_none_or(|most| price.is_some_and(|price| per_million(price) <= most))
        };
        (self.providers.is_empty()
            || self
                .providers
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(provider)))
            && self.free.is_none_or(|free| model.is_free() == free)
            && has_all(&self.input, &model.input_modalities)
            && has_all(&self.output, &model.output_modalities)
            && has_all(&self.supports, &model.supported_parameters)
            && model.context_length.unwrap_or_default() >= self.min_context
            && cheap(self.max_prompt_price, model.pricing.prompt)
            && cheap(self.max_completion_price, model.pricing.completion)
            && self.found_in(model)
    }

    fn found_in(&self, model: &Model) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text = format!("{} {} {}", model.id, model.name, model.description).to_lowercase();
        self.words.iter().all(|word| text.contains(word))
    }
}

fn both_prices(model: &Model) -> Option<Decimal> {
    Some(model.pricing.prompt? + model.pricing.completion?)
}

/// A comma list; API Gateway makes one of a repeated parameter.
fn words(request: &Request, name: &str) -> Vec<String> {
    request
        .query(name)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A comma list of words that some model of the list has.
fn known(
    request: &Request,
    name: &str,
    list: &ModelList,
    own: impl Fn(&Model) -> &Vec<String>,
) -> Result<Vec<String>, Problem> {
    let wanted = words(request, name);
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let known: BTreeSet<&str> = list
        .models
        .iter()
        .flat_map(|model| own(model).iter().map(String::as_str))
        .collect();
    match wanted.iter().find(|word| !known.contains(word.as_str())) {
        None => Ok(wanted),
        Some(word) => {
            let all: Vec<&str> = known.iter().copied().collect();
            Err(invalid(format!(
                "`{name}` takes words that models have, and no model has `{word}`; there are {}{}",
                all.join(", "),
                did_you_mean(word, known)
            )))
        }
    }
}

fn price(request: &Request, name: &str) -> Result<Option<Decimal>, Problem> {
    request
        .query(name)
        .map(|text| {
            text.parse::<Decimal>()
                .ok()
                .filter(|price| !price.is_sign_negative())
                .ok_or_else(|| {
                    invalid(format!(
                        "`{name}` has to be US dollars per million tokens, a decimal number from 0 such as 0.5, and is `{text}`"
                    ))
                })
        })
        .transpose()
}
