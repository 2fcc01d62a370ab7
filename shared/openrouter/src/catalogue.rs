//! Model ids: the ones worth offering first, and what an id's parts mean.
//!
//! Ids come and go within months, so nothing here decides whether an id is valid: ask [`crate::Client::models`].

/// A model that a list offers first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
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

/// Variants that go with any id and that the list of models therefore lacks.
const DYNAMIC_VARIANTS: [&str; 4] = [":nitro", ":floor", ":exacto", ":online"];

/// The id that the list of models would show: without a preset and without the variants that go with any id.
/// `:free`, `:extended`, `:thinking` and `:batch` stay, for those are listed as ids of their own.
pub fn base_id(id: &str) -> &str {
    let mut base = match id.split_once("@preset/") {
        Some((model, _)) if !model.is_empty() => model,
        _ => id,
    };
    while let Some(shorter) = DYNAMIC_VARIANTS
        .iter()
        .find_map(|variant| base.strip_suffix(variant))
    {
        base = shorter;
    }
    base
}

/// Whether an id stands for a choice that OpenRouter makes on each call (`openrouter/auto`, `~openai/gpt-latest`,
/// `@preset/name`). The list may lack it or show no price; an answer's `model` says which one it was.
pub fn is_router_or_alias(id: &str) -> bool {
    id.starts_with("openrouter/") || id.starts_with('~') || id.starts_with("@preset/")
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
    fn routers_and_aliases_are_known() {
        for id in [
            "openrouter/auto",
            "~anthropic/claude-sonnet-latest",
            "@preset/x",
        ] {
            assert!(is_router_or_alias(id));
        }
        assert!(!is_router_or_alias(crate::DEFAULT_MODEL));
    }

    #[test]
    fn the_default_model_is_recommended() {
        assert_eq!(RECOMMENDED.len(), 16);
        assert!(RECOMMENDED.iter().any(|r| r.id == crate::DEFAULT_MODEL));
    }
}
