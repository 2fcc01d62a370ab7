//! Model ids: the ones worth offering first, and what an id's parts mean.
//!
//! Ids are added and retired within months, so nothing here says whether an id is valid: ask [`crate::Client::models`].

/// A model that a list offers first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommended {
    /// Its id, such as `openai/gpt-4o-mini`.
    pub id: &'static str,
    /// What it is good for, in a few words.
    pub description: &'static str,
    /// The section it stands in, such as `OpenAI` or `Free Tier`.
    pub group: &'static str,
}

const fn row(group: &'static str, id: &'static str, description: &'static str) -> Recommended {
    Recommended {
        id,
        description,
        group,
    }
}

/// The recommended models, section by section. Some may have been retired: compare with the live list before offering them.
pub const RECOMMENDED: &[Recommended] = &[
    row("OpenAI", "openai/gpt-4o", "Multimodal flagship model"),
    row(
        "OpenAI",
        "openai/gpt-4o-mini",
        "Fast and affordable GPT-4 variant (Default)",
    ),
    row(
        "OpenAI",
        "openai/gpt-4-turbo",
        "High capability with 128K context",
    ),
    row(
        "Anthropic",
        "anthropic/claude-3.5-sonnet",
        "Best balanced Claude model",
    ),
    row(
        "Anthropic",
        "anthropic/claude-3-opus",
        "Most powerful Claude model",
    ),
    row(
        "Anthropic",
        "anthropic/claude-3-haiku",
        "Fast and efficient",
    ),
    row("Google", "google/gemini-pro-1.5", "Latest with 1M context"),
    row(
        "Google",
        "google/gemini-flash-1.5",
        "Fast and cost-effective",
    ),
    row(
        "Meta Llama",
        "meta-llama/llama-3.1-405b-instruct",
        "Largest open-source model",
    ),
    row(
        "Meta Llama",
        "meta-llama/llama-3.1-70b-instruct",
        "Large and capable",
    ),
    row(
        "Meta Llama",
        "meta-llama/llama-3.1-8b-instruct",
        "Efficient (free tier available)",
    ),
    row("Mistral", "mistralai/mistral-large", "Mistral's flagship"),
    row(
        "Mistral",
        "mistralai/mixtral-8x7b-instruct",
        "Mixture of experts",
    ),
    row(
        "Free Tier",
        "google/gemma-2-9b-it:free",
        "Free tier Google model",
    ),
    row(
        "Free Tier",
        "meta-llama/llama-3.2-3b-instruct:free",
        "Free tier Meta model",
    ),
    row(
        "Free Tier",
        "microsoft/phi-3-mini-128k-instruct:free",
        "Free tier Microsoft model",
    ),
];

/// Variants that any id can have, each with what it does. The list of models does not show them.
const DYNAMIC_VARIANTS: [(&str, &str); 4] = [
    (
        ":nitro",
        "asks the providers of the model in the order of their throughput, the fastest first",
    ),
    (
        ":floor",
        "asks the providers of the model in the order of their price, the cheapest first",
    ),
    (
        ":exacto",
        "asks those providers of the model first that do best with tool calls",
    ),
    (
        ":online",
        "lets the model search the web, which is billed beside its tokens (deprecated: the `web` plugin does the same)",
    ),
];

/// Ids with which OpenRouter chooses a model for each call, each with how it chooses.
const ROUTERS: [(&str, &str); 5] = [
    (
        "openrouter/auto",
        "chooses a model that fits the prompt, on each call, billed at that model's price",
    ),
    (
        "openrouter/free",
        "chooses a free model that can do what is asked, on each call",
    ),
    (
        "openrouter/fusion",
        "asks several models and makes one answer of their answers",
    ),
    (
        "openrouter/pareto-code",
        "chooses a coding model by price and quality, on each call",
    ),
    (
        "openrouter/bodybuilder",
        "sends one prompt to several models",
    ),
];

const PRESET: &str = "@preset/";

/// A part of an id that says how to choose or call, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing<'a> {
    /// The part, such as `:nitro`, `@preset/mail` or `openrouter/auto`.
    pub part: &'a str,
    /// What it does, in a sentence without its subject.
    pub effect: &'static str,
}

/// The id that the list of models would show: without a preset and without the variants that any id can have.
/// `:free`, `:extended`, `:thinking` and `:batch` stay: ids with these are in the list.
pub fn base_id(id: &str) -> &str {
    let mut base = match id.split_once(PRESET) {
        Some((model, _)) if !model.is_empty() => model,
        _ => id,
    };
    while let Some(shorter) = DYNAMIC_VARIANTS
        .iter()
        .find_map(|(variant, _)| base.strip_suffix(variant))
    {
        base = shorter;
    }
    base
}

/// What the parts of an id do, in their order, but for the part that names the model. Empty for a plain id.
pub fn routing(id: &str) -> Vec<Routing<'_>> {
    let base = base_id(id);
    let mut parts = Vec::new();
    if let Some((part, effect)) = ROUTERS.iter().find(|(router, _)| *router == base) {
        parts.push(Routing { part, effect });
    } else if is_alias(base) {
        parts.push(Routing {
            part: base,
            effect: "stands for the newest model of its family, and moves on when a newer one comes",
        });
    }
    let rest = id.get(base.len()..).unwrap_or_default();
    let variants = rest.split_once(PRESET).map_or(rest, |(before, _)| before);
    for name in variants.split(':').filter(|name| !name.is_empty()) {
        let known = DYNAMIC_VARIANTS
            .iter()
            .find(|(variant, _)| variant.strip_prefix(':') == Some(name));
        if let Some((part, effect)) = known {
            parts.push(Routing { part, effect });
        }
    }
    if let Some(at) = id.find(PRESET)
        && let Some(part) = id.get(at..).filter(|part| part.len() > PRESET.len())
    {
        parts.push(Routing {
            part,
            effect: if at == 0 {
                "takes the model and the settings of this preset of your OpenRouter account"
            } else {
                "takes the settings of this preset of your OpenRouter account; what a request says itself comes first"
            },
        });
    }
    parts
}

/// Whether an id is good without being in the list: a router (`openrouter/auto`), an alias (`~openai/gpt-latest`) or a
/// preset alone (`@preset/name`), with or without variants. An answer's `model` says which model it was.
pub fn stands_alone(id: &str) -> bool {
    let base = base_id(id);
    let preset = base.strip_prefix(PRESET);
    preset.is_some_and(|name| !name.is_empty())
        || is_alias(base)
        || ROUTERS.iter().any(|(router, _)| *router == base)
}

fn is_alias(base: &str) -> bool {
    base.strip_prefix('~')
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(author, family)| !author.is_empty() && family.ends_with("-latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_loses_only_what_the_list_lacks() {
        for (id, want) in [
            ("openai/gpt-4o", "openai/gpt-4o"),
            ("openai/gpt-4o:nitro", "openai/gpt-4o"),
            ("openai/gpt-4o:online:floor", "openai/gpt-4o"),
            ("openai/gpt-4o@preset/mail", "openai/gpt-4o"),
            ("openai/gpt-4o:nitro@preset/mail", "openai/gpt-4o"),
            ("@preset/mail", "@preset/mail"),
            ("google/gemma-2-9b-it:free", "google/gemma-2-9b-it:free"),
            ("a/b:thinking", "a/b:thinking"),
        ] {
            assert_eq!(base_id(id), want);
        }
    }

    #[test]
    fn what_needs_no_listing_is_known() {
        for id in [
            "openrouter/auto",
            "openrouter/auto:online",
            "~anthropic/claude-sonnet-latest",
            "~anthropic/claude-sonnet-latest:nitro",
            "@preset/x",
        ] {
            assert!(stands_alone(id), "{id}");
        }
        for id in [
            crate::DEFAULT_MODEL,
            "openrouter/autoo",
            "~openai/gpt",
            "@preset/",
            "openai/gpt-4o@preset/x",
        ] {
            assert!(!stands_alone(id), "{id}");
        }
    }

    #[test]
    fn each_part_of_an_id_says_what_it_does() {
        for (id, want) in [
            ("openai/gpt-4o", vec![]),
            ("google/gemma-2-9b-it:free", vec![]),
            ("openai/gpt-4o:online:floor", vec![":online", ":floor"]),
            ("a/b:nitro@preset/mail", vec![":nitro", "@preset/mail"]),
            ("@preset/mail", vec!["@preset/mail"]),
            ("a/b@preset/", vec![]),
            ("openrouter/auto:online", vec!["openrouter/auto", ":online"]),
            ("~a/b-latest", vec!["~a/b-latest"]),
        ] {
            let parts: Vec<_> = routing(id).iter().map(|routing| routing.part).collect();
            assert_eq!(parts, want, "{id}");
        }
    }

    #[test]
    fn the_default_model_is_recommended() {
        assert_eq!(RECOMMENDED.len(), 16);
        assert!(RECOMMENDED.iter().any(|r| r.id == crate::DEFAULT_MODEL));
    }
}
