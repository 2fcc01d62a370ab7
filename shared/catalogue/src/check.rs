//! What the list says of a workflow's models before anything is paid.

use std::collections::HashMap;

use jiff::civil::Date;
use steps_openrouter::{DEFAULT_MAX_TOKENS, Model};
use steps_problem::Fault;
use steps_workflow::{Kind, Node, OpenRouterNode, Workflow};

use crate::List;

/// An end that is nearer than this is told.
const RETIRES_WITHIN_DAYS: i32 = 60;

/// A token is rarely more than so many characters: the count is what the prompt is sure to need.
const CHARS_PER_TOKEN: usize = 4;

/// Every model that the workflow names.
pub(crate) fn models(workflow: &Workflow) -> impl Iterator<Item = &str> {
    workflow.nodes.iter().flat_map(|node| {
        let Kind::OpenRouter(call) = &node.kind;
        named(call).map(|(_, id)| id)
    })
}

/// A node's models, each with its field.
fn named(call: &OpenRouterNode) -> impl Iterator<Item = (String, &str)> {
    let fallbacks = call
        .models
        .iter()
        .enumerate()
        .map(|(index, id)| (format!("models[{index}]"), id.as_str()));
    std::iter::once(("model".to_owned(), call.model.as_str())).chain(fallbacks)
}

pub(crate) fn warnings(workflow: &Workflow, list: &List, today: Date) -> Vec<Fault> {
    let mut warnings = Vec::new();
    // Looking for neighbours is work, and nodes tend to name the same model.
    let mut unlisted: HashMap<&str, String> = HashMap::new();
    for (index, node) in workflow.nodes.iter().enumerate() {
        let Kind::OpenRouter(call) = &node.kind;
        let at = |field: &str| format!("nodes[{index}].{field}");
        let used = parameters(call);
        let least = least_tokens(node);
        for (field, id) in named(call) {
            let Some(model) = list.find(id) else {
                // What has no slash is no id at all, which the workflow's own warnings say.
                if !list.takes(id) && id.contains('/') {
                    let message = unlisted.entry(id).or_insert_with(|| not_listed(id, list));
                    warnings.push(Fault::at(at(&field), message.as_str()));
                }
                continue;
            };
            if let Some(message) = retirement(model, list, today) {
                warnings.push(Fault::at(at(&field), message));
            }
            if let Some(message) = modality(model) {
                warnings.push(Fault::at(at(&field), message));
            }
            if let Some(message) = too_small(model, least, call) {
                warnings.push(Fault::at(at(&field), message));
            }
            for (option, wanted) in &used {
                if let Some(message) = unheeded(model, wanted) {
                    warnings.push(Fault::at(at(option), message));
                }
            }
        }
    }
    warnings
}

fn not_listed(id: &str, list: &List) -> String {
    if let Some(other) = list.other_case(id) {
        return format!("model ids are case-sensitive: OpenRouter lists `{other}`, not `{id}`");
    }
    let nearest = list.nearest(id);
    let hint = if nearest.is_empty() {
        String::new()
    } else {
        format!("; the nearest that it lists: `{}`", nearest.join("`, `"))
    };
    format!("OpenRouter does not list the model `{id}`: it is misspelt, or gone{hint}")
}

fn retirement(model: &Model, list: &List, today: Date) -> Option<String> {
    // A date, or a time that begins with one.
    let day = model.expiration_date.as_deref()?.get(..10)?;
    let date: Date = day.parse().ok()?;
    let days = date.since(today).ok()?.get_days();
    if days > RETIRES_WITHIN_DAYS {
        return None;
    }
    let id = &model.id;
    let follows = list.successor(id).map_or_else(String::new, |successor| {
        format!("; `{}` is the newest of its family", successor.id)
    });
    Some(match days {
        ..0 => format!("`{id}` was to retire on {day}{follows}"),
        0 => format!("`{id}` retires today{follows}"),
        1 => format!("`{id}` retires on {day}, tomorrow{follows}"),
        _ => format!("`{id}` retires on {day}, in {days} days{follows}"),
    })
}

/// A node sends text and reads text.
fn modality(model: &Model) -> Option<String> {
    let lacks = |modalities: &[String]| {
        !modalities.is_empty() && !modalities.iter().any(|modality| modality == "text")
    };
    let id = &model.id;
    if lacks(&model.output_modalities) {
        let gives = model.output_modalities.join(", ");
        return Some(format!(
            "`{id}` gives {gives}, and no text, which is what a node's answer is"
        ));
    }
    if lacks(&model.input_modalities) {
        let takes = model.input_modalities.join(", ");
        return Some(format!(
            "`{id}` takes {takes}, and no text, which is what a node's prompts are"
        ));
    }
    None
}

/// The tokens that the prompts' fixed text is sure to need.
fn least_tokens(node: &Node) -> usize {
    let chars: usize = node
        .templates()
        .map(|(_, template)| template.least_chars())
        .sum();
    chars / CHARS_PER_TOKEN
}

fn too_small(model: &Model, least: usize, call: &OpenRouterNode) -> Option<String> {
    let context = model.context_length?;
    let answer = u64::from(call.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS));
    (least as u64 + answer > context).then(|| {
        format!(
            "the prompts' fixed text needs some {least} tokens and the answer may take {answer} (`maxTokens`), \
             more than the context of `{}`, {context}",
            model.id
        )
    })
}

/// The options that a node uses, each with the parameters of which its model has to heed one.
fn parameters(call: &OpenRouterNode) -> Vec<(&'static str, &'static [&'static str])> {
    let word = |fields: &Option<serde_json::Map<String, serde_json::Value>>, key: &str| {
        let value = fields.as_ref()?.get(key)?;
        value.as_str().map(str::to_owned)
    };
    let format = word(&call.response_format, "type");
    let format: &[&str] = match format.as_deref() {
        Some("json_schema") => &["structured_outputs"],
        _ => &["response_format"],
    };
    let switched_off = |reasoning: &serde_json::Map<String, serde_json::Value>| {
        reasoning
            .get("enabled")
            .and_then(serde_json::Value::as_bool)
            == Some(false)
            || reasoning.get("effort").and_then(serde_json::Value::as_str) == Some("none")
    };
    let reasons = call
        .reasoning
        .as_ref()
        .is_some_and(|own| !switched_off(own));
    let all: [(bool, &'static str, &'static [&'static str]); 14] = [
        (
            call.max_tokens.is_some(),
            "maxTokens",
            &["max_tokens", "max_completion_tokens"],
        ),
        (call.temperature.is_some(), "temperature", &["temperature"]),
        (call.top_p.is_some(), "topP", &["top_p"]),
        (call.top_k.is_some(), "topK", &["top_k"]),
        (call.min_p.is_some(), "minP", &["min_p"]),
        (call.top_a.is_some(), "topA", &["top_a"]),
        (
            call.frequency_penalty.is_some(),
            "frequencyPenalty",
            &["frequency_penalty"],
        ),
        (
            call.presence_penalty.is_some(),
            "presencePenalty",
            &["presence_penalty"],
        ),
        (
            call.repetition_penalty.is_some(),
            "repetitionPenalty",
            &["repetition_penalty"],
        ),
        (call.seed.is_some(), "seed", &["seed"]),
        (!call.stop.is_empty(), "stop", &["stop"]),
        (call.response_format.is_some(), "responseFormat", format),
        (
            reasons,
            "reasoning",
            &["reasoning", "reasoning_effort", "include_reasoning"],
        ),
        (call.verbosity.is_some(), "verbosity", &["verbosity"]),
    ];
    all.into_iter()
        .filter(|(used, ..)| *used)
        .map(|(_, option, wanted)| (option, wanted))
        .collect()
}

/// A model that lists no parameters at all says nothing of them.
fn unheeded(model: &Model, wanted: &[&str]) -> Option<String> {
    let heeded = &model.supported_parameters;
    let name = wanted.first()?;
    if heeded.is_empty()
        || wanted
            .iter()
            .any(|name| heeded.iter().any(|own| own == name))
    {
        return None;
    }
    Some(format!(
        "`{}` does not support `{name}`: OpenRouter leaves it out, or finds no provider for the call",
        model.id
    ))
}
