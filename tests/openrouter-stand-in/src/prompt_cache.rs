//! What providers would have kept of earlier prompts: the beginning of a prompt that asks to be cached is written once
//! and read afterwards.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::count::tokens;
use crate::digest::sha256_hex;
use crate::directives::content_text;

/// The beginnings of prompts that are cached, by their digest.
#[derive(Default)]
pub(crate) struct PromptCache {
    known: HashSet<String>,
}

/// How many tokens of a prompt were read from the cache, and how many were written to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cached {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

impl PromptCache {
    /// Reads the beginning of a prompt from the cache, or writes it there.
    pub(crate) fn serve(&mut self, beginning: Option<&Beginning>, whose: &str) -> Cached {
        let Some(beginning) = beginning else {
            return Cached::default();
        };
        let name = sha256_hex(&format!("{whose}/{}", beginning.digest));
        if self.known.insert(name) {
            return Cached {
                read: 0,
                written: beginning.tokens,
            };
        }
        Cached {
            read: beginning.tokens,
            written: 0,
        }
    }
}

/// The beginning of a prompt that asks to be cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beginning {
    digest: String,
    tokens: u64,
}

impl Beginning {
    /// Up to the last part with a breakpoint; of a request that asks as a whole (`cache_control`, `prompt_cache_key`),
    /// all but its last message.
    pub(crate) fn of(body: &Map<String, Value>) -> Option<Self> {
        let messages = body.get("messages")?.as_array()?;
        let marked = messages.iter().rposition(is_marked).map(|at| at + 1);
        let set = |name: &str| body.get(name).is_some_and(|value| !value.is_null());
        let whole = set("cache_control") || set("prompt_cache_key");
        let count = marked.or_else(|| whole.then(|| messages.len().saturating_sub(1)))?;
        let text: String = messages
            .iter()
            .take(count)
            .map(|message| content_text(message.get("content")))
            .collect();
        (!text.is_empty()).then(|| Self {
            digest: sha256_hex(&text),
            tokens: tokens(text.chars().count()),
        })
    }
}

fn is_marked(message: &Value) -> bool {
    let parts = message.get("content").and_then(Value::as_array);
    parts.into_iter().flatten().any(|part| {
        ["cache_control", "prompt_cache_breakpoint"]
            .iter()
            .any(|name| part.get(*name).is_some_and(|value| !value.is_null()))
    })
}
