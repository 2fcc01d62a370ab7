//! The model's answer to a request, and what it costs.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::catalogue::Resolved;
use crate::count::tokens;
use crate::faults::Fault;
use crate::media::{PICTURE, SOUND};
use crate::money::{Prices, number};
use crate::prompt_cache::Cached;
use crate::{prose, sample};

const LONGEST: usize = 16_000_000;
const WORDS: [&str; 16] = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "indigo", "juniper",
    "kelp", "lantern", "maple", "nectar", "opal", "pebble",
];
const MULTI_BYTE: &str = "Grüße an 世界 🌍: ";

/// The model's answer, and what it costs.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) content: Option<String>,
    pub(crate) refusal: Option<String>,
    pub(crate) reasoning: Option<String>,
    pub(crate) tool_calls: Option<Value>,
    pub(crate) images: Option<Value>,
    pub(crate) audio: Option<Value>,
    pub(crate) annotations: Vec<Value>,
    pub(crate) finish: Option<&'static str>,
    pub(crate) native: &'static str,
    pub(crate) usage: Usage,
    /// Fields of the usage that the prompt asks for.
    pub(crate) wanted_usage: Option<Value>,
    /// No token is charged, as for a generation that failed.
    pub(crate) free: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
    pub(crate) reasoning_tokens: u64,
    pub(crate) cached: Cached,
    pub(crate) prices: Prices,
}

impl Usage {
    pub(crate) fn cost(&self) -> Decimal {
        self.cost_of(self.completion_tokens)
    }

    /// What it costs once so many tokens are generated.
    pub(crate) fn cost_of(&self, completion_tokens: u64) -> Decimal {
        self.prices
            .cost(self.prompt_tokens, self.cached.read, completion_tokens)
    }

    /// The usage object of an answer. A failed generation shows its tokens and costs nothing.
    pub(crate) fn json(&self, free: bool) -> Value {
        let paid = |amount| number(if free { Decimal::ZERO } else { amount });
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "cost": paid(self.cost()),
            "is_byok": false,
            "prompt_tokens_details": {
                "cached_tokens": self.cached.read, "cache_write_tokens": self.cached.written,
                "audio_tokens": 0, "video_tokens": 0,
            },
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning_tokens, "image_tokens": 0,
            },
            "cost_details": {
                "upstream_inference_cost": null,
                "upstream_inference_prompt_cost":
                    paid(self.prices.prompt_cost(self.prompt_tokens)),
                "upstream_inference_completions_cost":
                    paid(self.prices.completion_cost(self.completion_tokens)),
            },
        })
    }
}

pub(crate) fn compose(ask: &Ask, model: &Resolved, cached: Cached, fault: Option<Fault>) -> Answer {
    let mut text = text(ask, &model.slug);
    let multi_byte = match fault {
        Some(Fault::HalfCharacters) => !ask.directives.echo,
        fault => fault == Some(Fault::Utf8Split),
    };
    if multi_byte {
        text.insert_str(0, MULTI_BYTE);
    }
    let most = ask.max_tokens.map_or(usize::MAX, |most| {
        usize::try_from(most.saturating_mul(4)).unwrap_or(usize::MAX)
    });
    let full = text.chars().count();
    let cut = full > most;
    if cut {
        text = text.chars().take(most).collect();
    }
    let usage = Usage {
        prompt_tokens: ask.prompt_tokens,
        completion_tokens: tokens(full.min(most)),
        reasoning_tokens: 0,
        cached,
        prices: model.prices,
    };
    let answer = Answer {
        refusal: None,
        reasoning: None,
        tool_calls: None,
        images: ask.wants("image").then(|| {
            json!([{"type": "image_url", "image_url": {"url": PICTURE}}])
        }),
        audio: ask.wants("audio").then(|| {
            json!({"id": "audio_stand_in", "data": SOUND, "expires_at": 4_102_444_800_u64, "transcript": text})
        }),
        content: Some(text),
        annotations: ask.media.annotations.clone(),
        finish: Some(if cut { "length" } else { "stop" }),
        native: if cut { "max_tokens" } else { "stop" },
        usage,
        wanted_usage: ask.directives.usage.clone(),
        free: false,
    };
    match fault {
        Some(fault) => spoil(answer, ask, fault),
        None => answer,
    }
}

fn spoil(mut answer: Answer, ask: &Ask, fault: Fault) -> Answer {
    let half = |content: &Option<String>| {
        let text = content.as_deref().unwrap_or_default();
        text.chars()
            .take(text.chars().count().div_ceil(2))
            .collect::<String>()
    };
    match fault {
        Fault::ChoiceError => {
            answer.content = Some(half(&answer.content));
            answer.count_content();
            answer.finish = Some("error");
            answer.native = "error";
            answer.free = true;
        }
        Fault::ErrorIn200
        | Fault::ErrorCodeWord
        | Fault::StreamErrorFirst
        | Fault::StreamErrorMid
        | Fault::StreamErrorMidNoDone => answer.free = true,
        Fault::EmptyContent => answer.empty(),
        Fault::Unfinished => {
            answer.content = Some(half(&answer.content));
            answer.count_content();
            answer.finish = None;
            answer.native = "network_error";
        }
        Fault::NetworkErrorNative => {
            answer.empty();
            answer.finish = None;
            answer.native = "network_error";
        }
        Fault::ReasoningOnly => {
            answer.content = Some(String::new());
            answer.reasoning = Some("Let me think this through step by step.".to_owned());
            answer.finish = Some("length");
            answer.native = "max_tokens";
            let spent = ask.max_tokens.unwrap_or(64);
            answer.usage.completion_tokens = spent;
            answer.usage.reasoning_tokens = spent;
        }
        Fault::ContentNull => {
            answer.content = None;
            answer.usage.completion_tokens = 1;
        }
        Fault::Refusal => {
            let refusal = "I'm sorry, but I can't help with that.";
            answer.content = None;
            answer.usage.completion_tokens = tokens(refusal.len());
            answer.refusal = Some(refusal.to_owned());
        }
        Fault::ContentFilter => {
            answer.content = Some(half(&answer.content));
            answer.count_content();
            answer.finish = Some("content_filter");
            answer.native = "content_filter";
        }
        Fault::ToolCalls => {
            let name = ask.tool.as_deref().unwrap_or("lookup");
            let arguments = r#"{"query":"stand-in"}"#;
            answer.content = None;
            answer.finish = Some("tool_calls");
            answer.native = "tool_calls";
            answer.usage.completion_tokens = tokens(name.len() + arguments.len());
            answer.tool_calls = Some(json!([{
                "index": 0, "id": "call_stand_in_1", "type": "function",
                "function": {"name": name, "arguments": arguments},
            }]));
        }
        _ => {}
    }
    answer
}

/// Merges the fields of one object into another, with the objects inside them.
fn lay_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                lay_over(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

impl Answer {
    /// The answer's usage object.
    pub(crate) fn usage_json(&self) -> Value {
        let mut usage = self.usage.json(self.free);
        if let Some(wanted) = &self.wanted_usage {
            lay_over(&mut usage, wanted);
        }
        usage
    }

    fn count_content(&mut self) {
        let chars = self.content.as_deref().unwrap_or_default().chars().count();
        self.usage.completion_tokens = tokens(chars);
    }

    fn empty(&mut self) {
        self.content = Some(String::new());
        self.usage.prompt_tokens = 0;
        self.usage.completion_tokens = 0;
        self.free = true;
    }
}

fn text(ask: &Ask, slug: &str) -> String {
    if let Some(json) = &ask.directives.json {
        return json.clone();
    }
    if ask.directives.echo {
        return ask.user.clone();
    }
    let format = ask.response_format.as_ref();
    match format
        .and_then(|format| format.get("type"))
        .and_then(Value::as_str)
    {
        Some("json_object") => json!({
            "model": slug, "system": ask.system, "user": shortened(&ask.user),
            "chars": ask.user_chars, "sha256": digest_head(ask),
        })
        .to_string(),
        Some("json_schema") => {
            let schema = format.and_then(|format| format.pointer("/json_schema/schema"));
            sample::fitting(schema.unwrap_or(&Value::Null), &sentence(ask, slug)).to_string()
        }
        _ => match ask.directives.repeat {
            Some(size) => repeated(&sentence(ask, slug), size.min(LONGEST)),
            None => sentence(ask, slug),
        },
    }
}

/// `[model] system="..." user="..." (N chars, sha256 XXXXXXXX)`, or sentences.
fn sentence(ask: &Ask, slug: &str) -> String {
    if ask.in_prose {
        return prose::answer(ask, slug);
    }
    let media = match ask.media.parts.as_slice() {
        [] => String::new(),
        parts => format!(" with {}", parts.join(", ")),
    };
    format!(
        "[{slug}] system=\"{}\" user=\"{}\" ({} chars, sha256 {}){media}",
        ask.system,
        shortened(&ask.user),
        ask.user_chars,
        digest_head(ask)
    )
}

fn digest_head(ask: &Ask) -> String {
    ask.user_sha256.chars().take(8).collect()
}

fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= 400 {
        return text.to_owned();
    }
    let head: String = text.chars().take(200).collect();
    let tail: String = text.chars().skip(count - 200).collect();
    format!("{head} … {tail}")
}

fn repeated(first: &str, size: usize) -> String {
    let mut text = first.to_owned();
    let mut place = 0_usize;
    for word in WORDS.iter().cycle() {
        if text.len() >= size {
            break;
        }
        place += 1;
        text.push(' ');
        text.push_str(word);
        if place.is_multiple_of(23) {
            text.push_str(&format!(" {place}."));
        }
    }
    text
}
