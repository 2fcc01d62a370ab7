//! Finds the model that takes another one's place, by the names in the list: ids are added and retired within months.

use std::cmp::Reverse;

use crate::models::Model;

/// Words of an id that say nothing of its family.
const NOISE: [&str; 9] = [
    "beta",
    "chat",
    "exp",
    "experimental",
    "instruct",
    "it",
    "latest",
    "preview",
    "v",
];

/// An id's parts: `google/gemma-2-9b-it:free` is by `google`, of the words `gemma`, the variant `free`.
struct Name<'a> {
    author: &'a str,
    slug: &'a str,
    variant: Option<&'a str>,
    words: Vec<&'a str>,
}

impl<'a> Name<'a> {
    fn read(id: &'a str) -> Option<Self> {
        let (author, rest) = id.split_once('/')?;
        let (slug, variant) = match rest.split_once(':') {
            Some((slug, variant)) => (slug, Some(variant)),
            None => (rest, None),
        };
        // Versions and sizes are digits, or begin (`4o`, `70b`) or end (`o4`, `v3`) with them.
        let words = slug
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
            .filter(|word| !NOISE.contains(word))
            .collect();
        Some(Self {
            author,
            slug,
            variant,
            words,
        })
    }
}

/// The newest model of the same author and family: it shares the family's name, and as many of the other words
/// (`sonnet`, `flash`, `mini`) as any. Among those the same variant (`:free`), the very same model without its variant,
/// few words of its own, and no announced end come first.
pub(crate) fn successor<'m>(models: &'m [Model], id: &str) -> Option<&'m Model> {
    let gone = Name::read(id)?;
    let family = gone.words.first()?;
    models
        .iter()
        .filter(|model| model.id != id)
        .filter_map(|model| {
            let name = Name::read(&model.id)?;
            if name.author != gone.author || !name.words.contains(family) {
                return None;
            }
            let shared = gone.words.iter().filter(|word| name.words.contains(word));
            let own = name.words.iter().filter(|word| !gone.words.contains(word));
            let rank = (
                shared.count(),
                name.variant == gone.variant,
                name.slug == gone.slug,
                Reverse(own.count()),
                model.expiration_date.is_none(),
                model.created,
            );
            Some((rank, model))
        })
        .max_by_key(|(rank, _)| *rank)
        .map(|(_, model)| model)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(ids: &[&str]) -> Vec<Model> {
        // The newest first, as OpenRouter lists them.
        let newest = ids.len() as u64;
        ids.iter()
            .zip((0..newest).rev())
            .map(|(id, created)| Model {
                id: (*id).to_owned(),
                created,
                ..Model::default()
            })
            .collect()
    }

    #[test]
    fn the_newest_of_the_family_follows() {
        let models = listed(&[
            "anthropic/claude-opus-5",
            "anthropic/claude-sonnet-5.5",
            "anthropic/claude-sonnet-5",
            "anthropic/claude-haiku-4.5",
            "google/gemini-3.6-flash",
            "google/gemini-3.5-flash-lite",
            "google/gemini-3.1-pro-preview",
            "google/gemini-2.5-pro",
            "google/gemma-4-31b-it",
            "google/gemma-4-31b-it:free",
            "meta-llama/llama-4-maverick",
            "meta-llama/llama-3.3-70b-instruct",
            "meta-llama/llama-3.2-3b-instruct",
            "microsoft/phi-4",
            "mistralai/mistral-large-2512",
            "mistralai/mixtral-8x22b-instruct",
            "~anthropic/claude-sonnet-latest",
        ]);
        for (gone, follows) in [
            (
                "anthropic/claude-3.5-sonnet",
                Some("anthropic/claude-sonnet-5.5"),
            ),
            ("anthropic/claude-3-opus", Some("anthropic/claude-opus-5")),
            ("google/gemini-flash-1.5", Some("google/gemini-3.6-flash")),
            (
                "google/gemini-pro-1.5",
                Some("google/gemini-3.1-pro-preview"),
            ),
            (
                "google/gemma-2-9b-it:free",
                Some("google/gemma-4-31b-it:free"),
            ),
            (
                "meta-llama/llama-3.1-405b-instruct",
                Some("meta-llama/llama-3.3-70b-instruct"),
            ),
            (
                "meta-llama/llama-3.2-3b-instruct:free",
                Some("meta-llama/llama-3.2-3b-instruct"),
            ),
            (
                "microsoft/phi-3-mini-128k-instruct:free",
                Some("microsoft/phi-4"),
            ),
            (
                "mistralai/mixtral-8x7b-instruct",
                Some("mistralai/mixtral-8x22b-instruct"),
            ),
            ("anthropic/palm", None),
            ("openai/gpt-4o", None),
            ("nothing", None),
        ] {
            let found = successor(&models, gone).map(|model| model.id.as_str());
            assert_eq!(found, follows, "{gone}");
        }
    }
}
