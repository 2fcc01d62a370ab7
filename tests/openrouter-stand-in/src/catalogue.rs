//! The models that exist and those that are retired, from `data/models.json`.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use crate::faults::Fault;
use crate::money::Prices;
use crate::refusal::Refusal;

const SEED: &str = include_str!("../data/models.json");
const SIZE: usize = 650;
const DEFAULT_MODEL: &str = "openai/gpt-4o-mini";
/// Suffixes that any model's id can have. They change the routing and are not listed.
const ROUTING_VARIANTS: [&str; 4] = [":nitro", ":floor", ":exacto", ":online"];
const FAULT_PREFIX: &str = "stand-in/fault-";

/// One model, as in `data/models.json` and in `POST /_stand-in/models`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Model {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default = "default_context")]
    pub(crate) context: u64,
    #[serde(default)]
    pub(crate) max_output: Option<u64>,
    #[serde(default)]
    pub(crate) prompt: Decimal,
    #[serde(default)]
    pub(crate) completion: Decimal,
    #[serde(default)]
    pub(crate) expires: Option<String>,
    /// The model that an alias or a router answers with.
    #[serde(default)]
    pub(crate) target: Option<String>,
    #[serde(default)]
    pub(crate) about: String,
    /// Unix seconds. Without it the time follows from the place in the list.
    #[serde(default)]
    pub(crate) created: Option<u64>,
    /// The request fields that it uses. Without it the usual ones.
    #[serde(default)]
    pub(crate) parameters: Option<Vec<String>>,
    #[serde(default = "default_input")]
    pub(crate) input: Vec<String>,
    #[serde(default = "default_output")]
    pub(crate) output: Vec<String>,
}

fn default_context() -> u64 {
    128_000
}

fn default_input() -> Vec<String> {
    ["text", "image", "file"].map(str::to_owned).to_vec()
}

fn default_output() -> Vec<String> {
    vec!["text".to_owned()]
}

#[derive(Deserialize)]
struct Seed {
    retired: Vec<String>,
    listed: Vec<Model>,
}

/// The models that exist, and those that are retired.
pub(crate) struct Catalogue {
    models: Vec<Model>,
    retired: Vec<String>,
}

/// A model that answers.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) slug: String,
    pub(crate) provider: &'static str,
    pub(crate) prices: Prices,
    pub(crate) context: u64,
    /// The fault with which a `stand-in/fault-...` model always answers.
    pub(crate) fault: Option<Fault>,
}

impl Catalogue {
    pub(crate) fn load() -> Result<Self, serde_json::Error> {
        let seed: Seed = serde_json::from_str(SEED)?;
        let mut models = seed.listed;
        models.extend(Fault::ALL.iter().map(|fault| fault_model(*fault)));
        let missing = SIZE.saturating_sub(models.len());
        models.extend((1..=missing).map(filler_model));
        Ok(Self {
            models,
            retired: seed.retired,
        })
    }

    pub(crate) fn models(&self) -> &[Model] {
        &self.models
    }

    pub(crate) fn add(&mut self, model: Model) {
        self.remove(&model.id);
        self.retired.retain(|id| *id != model.id);
        self.models.push(model);
    }

    /// Takes a model out of the list; a later call for it finds no endpoints.
    pub(crate) fn retire(&mut self, id: &str) {
        self.remove(id);
        if !self.retired.iter().any(|known| known == id) {
            self.retired.push(id.to_owned());
        }
    }

    fn remove(&mut self, id: &str) {
        self.models.retain(|model| model.id != id);
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id)
    }

    /// The listed model behind an id that may carry a routing variant or a preset.
    pub(crate) fn find_variant(&self, id: &str) -> Option<&Model> {
        self.find(base_id(id))
    }

    pub(crate) fn resolve(&self, requested: Option<&str>) -> Result<Resolved, Refusal> {
        let requested = requested.unwrap_or(DEFAULT_MODEL);
        let base = base_id(requested);
        if self.retired.iter().any(|id| id == base) {
            return Err(no_endpoints(base));
        }
        let Some(model) = self.find(base) else {
            let stem = base.strip_suffix(":free");
            return Err(match stem.and_then(|stem| self.find(stem)) {
                Some(_) => no_endpoints(base),
                None => invalid_model(requested),
            });
        };
        let model = match &model.target {
            Some(target) => self.find(target).ok_or_else(|| no_endpoints(base))?,
            None => model,
        };
        Ok(Resolved {
            slug: model.id.clone(),
            provider: provider(&model.id),
            prices: Prices {
                prompt: model.prompt,
                completion: model.completion,
            },
            context: model.context,
            fault: model
                .id
                .strip_prefix(FAULT_PREFIX)
                .and_then(Fault::from_name),
        })
    }
}

pub(crate) fn no_endpoints(slug: &str) -> Refusal {
    Refusal::new(404, format!("No endpoints found for {slug}."))
}

pub(crate) fn invalid_model(id: &str) -> Refusal {
    Refusal::new(400, format!("{id} is not a valid model ID")).user()
}

fn base_id(id: &str) -> &str {
    let id = match id.split_once("@preset/") {
        Some(("", _)) => DEFAULT_MODEL,
        Some((id, _)) => id,
        None => id,
    };
    ROUTING_VARIANTS
        .iter()
        .find_map(|variant| id.strip_suffix(variant))
        .unwrap_or(id)
}

/// Display name of the provider that serves an author's models.
pub(crate) fn provider(id: &str) -> &'static str {
    match id.trim_start_matches('~').split('/').next() {
        Some("openai") => "OpenAI",
        Some("anthropic") => "Anthropic",
        Some("google") => "Google AI Studio",
        Some("meta-llama") => "Together",
        Some("mistralai") => "Mistral",
        Some("deepseek") => "DeepSeek",
        Some("qwen") => "Alibaba",
        Some("x-ai") => "xAI",
        Some("perplexity") => "Perplexity",
        Some("minimax") => "Minimax",
        Some("cohere") => "Cohere",
        Some("microsoft") => "Azure",
        Some("nvidia") => "Nvidia",
        Some("liquid") => "Liquid",
        _ => "Stand-In",
    }
}

fn fault_model(fault: Fault) -> Model {
    Model {
        id: format!("{FAULT_PREFIX}{}", fault.name()),
        name: format!("Stand-In: Fault {}", fault.name()),
        about: format!("Meets a fault on purpose: {}.", fault.about()),
        ..priced_model()
    }
}

fn filler_model(number: usize) -> Model {
    Model {
        id: format!("stand-in/filler-{number:03}"),
        name: format!("Stand-In: Filler {number:03}"),
        ..priced_model()
    }
}

fn priced_model() -> Model {
    Model {
        id: String::new(),
        name: String::new(),
        context: default_context(),
        max_output: Some(16_384),
        prompt: Decimal::new(15, 8),
        completion: Decimal::new(60, 8),
        expires: None,
        target: None,
        about: String::new(),
        created: None,
        parameters: None,
        input: default_input(),
        output: default_output(),
    }
}

impl Model {
    pub(crate) fn price(amount: Decimal) -> String {
        crate::money::text(amount)
    }

    pub(crate) fn is_router(&self) -> bool {
        self.prompt.is_sign_negative()
    }

    /// Pricing object: strings in USD per token.
    pub(crate) fn pricing(&self) -> serde_json::Value {
        let mut pricing = json!({
            "prompt": Self::price(self.prompt),
            "completion": Self::price(self.completion),
        });
        if let Some(pricing) = pricing.as_object_mut()
            && self.prompt > Decimal::ZERO
        {
            let cached = Self::price(self.prompt / Decimal::TWO);
            pricing.insert("input_cache_read".into(), cached.into());
        }
        pricing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_resolve_as_documented() {
        let catalogue = Catalogue::load().unwrap();
        assert!(catalogue.models().len() >= 650);
        let slug = |id: &str| catalogue.resolve(Some(id)).map(|model| model.slug);
        assert_eq!(slug("openai/gpt-4o:nitro").unwrap(), "openai/gpt-4o");
        assert_eq!(slug("openai/gpt-4o@preset/x").unwrap(), "openai/gpt-4o");
        assert_eq!(slug("@preset/x").unwrap(), "openai/gpt-4o-mini");
        assert_eq!(slug("~openai/gpt-latest").unwrap(), "openai/gpt-6-sol");
        assert_eq!(slug("openai/gpt-4o:free").unwrap_err().status, 404);
        assert_eq!(slug("anthropic/claude-3-opus").unwrap_err().status, 404);
        assert_eq!(slug("openai/gpt-99").unwrap_err().status, 400);
        let auto = catalogue.find("openrouter/auto").unwrap();
        assert_eq!(auto.pricing()["prompt"], "-1");
    }
}
