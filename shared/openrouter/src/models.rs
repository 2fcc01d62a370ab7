//! Models and their prices: `GET /models`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{lenient, money};

/// A model, with what a list shows and a check needs. Its own JSON is camelCase and reads back as it was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Model {
    /// Its id in a request, such as `openai/gpt-4o-mini`; case-sensitive.
    pub id: String,
    /// The permanent name behind `id`, often dated.
    pub canonical_slug: String,
    /// Its name for people, such as `OpenAI: GPT-4o-mini`.
    pub name: String,
    /// When OpenRouter added it, in Unix seconds.
    pub created: u64,
    /// A sentence or two, cut by OpenRouter.
    pub description: String,
    /// Tokens of prompt and answer together; `None` for models that do not count tokens.
    pub context_length: Option<u64>,
    /// Most tokens of an answer, by the best provider.
    pub max_completion_tokens: Option<u64>,
    /// `text`, `image`, `file`, `audio`, `video`.
    pub input_modalities: Vec<String>,
    /// `text`, `image`, `embeddings`, ...
    pub output_modalities: Vec<String>,
    /// Names of the request fields that it uses.
    pub supported_parameters: Vec<String>,
    /// What it costs.
    pub pricing: Pricing,
    /// Day of its announced end, `YYYY-MM-DD`.
    pub expiration_date: Option<String>,
    /// Whether OpenRouter moderates what is sent to its best provider.
    pub is_moderated: bool,
    /// The id that an alias (`~openai/gpt-latest`) answers with today.
    pub alias_target: Option<String>,
}

/// Prices in USD for each token, not each million. A price that OpenRouter does not know (`-1`, as for routers) is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pricing {
    /// For each token sent.
    pub prompt: Option<Decimal>,
    /// For each token generated.
    pub completion: Option<Decimal>,
    /// For each request.
    pub request: Option<Decimal>,
    /// The others under the wire's names, as it gives them: `image`, `web_search`, `input_cache_read`, `overrides`, ...
    pub others: BTreeMap<String, String>,
}

impl Model {
    /// The author's part of the id, such as `openai`; without the `~` of an alias.
    pub fn provider(&self) -> &str {
        let author = self.id.split_once('/').map_or("", |(author, _)| author);
        author.trim_start_matches('~')
    }

    /// Whether this is a free variant. Only its id says so. A zero price does not: many models have one that are not free,
    /// such as previews, and models whose price is counted in another way.
    pub fn is_free(&self) -> bool {
        self.id.ends_with(":free")
    }
}

impl Pricing {
    /// Reads the wire's price map: strings of decimals, beside numbers (`discount`) and lists (`overrides`).
    pub(crate) fn from_wire(prices: BTreeMap<String, Value>) -> Self {
        let mut pricing = Self::default();
        for (name, value) in prices {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                other => other.to_string(),
            };
            let known = || money::parse(&text).filter(|price| !price.is_sign_negative());
            match name.as_str() {
                "prompt" => pricing.prompt = known(),
                "completion" => pricing.completion = known(),
                "request" => pricing.request = known(),
                _ => {
                    pricing.others.insert(name, text);
                }
            }
        }
        pricing
    }
}

/// A page of `GET /models`. Older copies have nothing but `data`.
#[derive(Deserialize)]
pub(crate) struct Page {
    data: Vec<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient::count")]
    pub(crate) total_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub(crate) links: Links,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Links {
    #[serde(deserialize_with = "lenient::string")]
    pub(crate) next: Option<String>,
}

impl Page {
    /// How many entries the page has, readable or not.
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// The models of the page; one that can't be read is left out, not the whole list.
    pub(crate) fn models(&self) -> impl Iterator<Item = Model> {
        self.data
            .iter()
            .filter_map(|raw| match serde_json::from_str::<Wire>(raw.get()) {
                Ok(wire) => Some(wire.into()),
                Err(error) => {
                    tracing::warn!(%error, "left an unreadable model out of the list");
                    None
                }
            })
    }
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    #[serde(default, deserialize_with = "lenient::string")]
    canonical_slug: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::count_or_zero")]
    created: u64,
    #[serde(default, deserialize_with = "lenient::text")]
    description: String,
    #[serde(default, deserialize_with = "lenient::count")]
    context_length: Option<u64>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    architecture: Architecture,
    #[serde(default, deserialize_with = "lenient::or_default")]
    pricing: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    top_provider: TopProvider,
    #[serde(default, deserialize_with = "lenient::or_default")]
    alias_target: AliasTarget,
    #[serde(default, deserialize_with = "lenient::strings")]
    supported_parameters: Vec<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    expiration_date: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Architecture {
    #[serde(deserialize_with = "lenient::strings")]
    input_modalities: Vec<String>,
    #[serde(deserialize_with = "lenient::strings")]
    output_modalities: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AliasTarget {
    #[serde(deserialize_with = "lenient::string")]
    slug: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TopProvider {
    #[serde(deserialize_with = "lenient::count")]
    context_length: Option<u64>,
    #[serde(deserialize_with = "lenient::count")]
    max_completion_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient::flag")]
    is_moderated: bool,
}

impl From<Wire> for Model {
    fn from(wire: Wire) -> Self {
        Self {
            canonical_slug: wire.canonical_slug.unwrap_or_else(|| wire.id.clone()),
            name: wire.name.unwrap_or_else(|| wire.id.clone()),
            id: wire.id,
            created: wire.created,
            description: wire.description,
            context_length: wire
                .context_length
                .or(wire.top_provider.context_length)
                .filter(|tokens| *tokens > 0),
            max_completion_tokens: wire.top_provider.max_completion_tokens,
            input_modalities: wire.architecture.input_modalities,
            output_modalities: wire.architecture.output_modalities,
            supported_parameters: wire.supported_parameters,
            pricing: Pricing::from_wire(wire.pricing),
            expiration_date: wire.expiration_date,
            is_moderated: wire.top_provider.is_moderated,
            alias_target: wire.alias_target.slug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<Model> {
        serde_json::from_str::<Page>(list)
            .unwrap()
            .models()
            .collect()
    }

    #[test]
    fn a_list_is_read_and_kept_whole() {
        let models = read(
            r#"{"data":[
              {"id":"openai/gpt-4o-mini","canonical_slug":"openai/gpt-4o-mini-2024-07-18","name":"OpenAI: GPT-4o-mini","created":1721260800,
               "context_length":128000,"architecture":{"input_modalities":["text","image"],"output_modalities":["text"]},
               "pricing":{"prompt":"0.00000015","completion":"0.0000006","input_cache_read":"0.000000075","discount":0.1,"overrides":[{"prompt":"1"}]},
               "top_provider":{"max_completion_tokens":16384,"is_moderated":true},"supported_parameters":["tools"],"expiration_date":"2026-12-31","new":1},
              {"id":"openrouter/auto","pricing":{"prompt":"-1","completion":"-1"},"context_length":null,"architecture":null,"top_provider":null,"supported_parameters":null},
              {"id":"~x/y:free","context_length":0,"alias_target":{"name":"Z","slug":"x/z"}},
              {"name":"has no id"}]}"#,
        );
        assert_eq!(models.len(), 3);
        let mini = &models[0];
        assert_eq!(mini.provider(), "openai");
        assert_eq!(mini.pricing.prompt.unwrap().to_string(), "0.00000015");
        assert_eq!(mini.pricing.others["input_cache_read"], "0.000000075");
        assert_eq!(mini.pricing.others["discount"], "0.1");
        assert_eq!(mini.pricing.others["overrides"], r#"[{"prompt":"1"}]"#);
        assert_eq!(mini.max_completion_tokens, Some(16384));
        assert_eq!(mini.expiration_date.as_deref(), Some("2026-12-31"));
        assert!(mini.is_moderated && !mini.is_free());
        assert_eq!(models[1].pricing, Pricing::default());
        assert_eq!(models[1].name, "openrouter/auto");
        assert_eq!(models[2].context_length, None);
        assert_eq!(models[2].provider(), "x");
        assert!(models[2].is_free());
        assert_eq!(models[2].alias_target.as_deref(), Some("x/z"));

        let stored = serde_json::to_string(&models).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Model>>(&stored).unwrap(), models);
    }
}
