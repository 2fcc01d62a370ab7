//! What is allowed and probably a slip: what the model list says of a node's models before anything is paid.

use jiff::civil::Date;
use steps_openrouter::{DEFAULT_MAX_TOKENS, Model, ModelList};
use steps_problem::Fault;

use super::document::Chat;
use crate::known_models::KnownModels;

/// Where a model retires sooner than this, a warning says so.
const RETIRES_WITHIN_DAYS: i32 = 60;

/// The most characters that a token has, as a rule. With it the count is what the prompt needs at least.
const CHARS_PER_TOKEN: usize = 4;

/// A node's models, each with its field.
fn named(chat: &Chat) -> impl Iterator<Item = (String, &str)> {
    let fallbacks = chat
        .models
        .iter()
        .enumerate()
        .map(|(index, id)| (format!("models[{index}]"), id.as_str()));
    std::iter::once(("model".to_owned(), chat.model.as_str())).chain(fallbacks)
}

/// The warnings of one node.
pub(super) fn warnings(chat: &Chat, models: Option<&KnownModels<'_>>) -> Vec<Fault> {
    let mut warnings = Vec::new();
    let parameters = match models {
        Some(_) => chat.options.parameters(),
        None => Vec::new(),
    };
    for (field, id) in named(chat) {
        if !id.contains('/') {
            warnings.push(Fault::at(
                field,
                format!("`{id}` is probably no model id; they look like `openai/gpt-4o-mini`"),
            ));
            continue;
        }
        let Some(models) = models else { continue };
        let Some(model) = models.find(id) else {
            let not_listed = models.not_listed(id);
            warnings.extend(not_listed.map(|message| Fault::at(field, message)));
            continue;
        };
        let of_model = [
            retirement(model, models.list, models.today),
            modality(model),
            unseen(model, chat),
            too_small(model, chat),
        ];
        for message in of_model.into_iter().flatten() {
            warnings.push(Fault::at(field.as_str(), message));
        }
        for (option, known_as) in &parameters {
            if let Some(message) = unheeded(model, known_as) {
                warnings.push(Fault::at(option.as_str(), message));
            }
        }
    }
    warnings
}

fn retirement(model: &Model, list: &ModelList, today: Date) -> Option<String> {
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

/// A message has something that the model does not take. Files become text for models that take none.
fn unseen(model: &Model, chat: &Chat) -> Option<String> {
    let takes = &model.input_modalities;
    let turns = chat.messages.iter();
    let lacks = turns
        .flat_map(|turn| turn.modalities())
        .find(|kind| *kind != "file" && !takes.iter().any(|taken| taken == kind))?;
    (!takes.is_empty()).then(|| {
        format!(
            "`{}` takes {}, and no {lacks}, which is in `messages`",
            model.id,
            takes.join(", ")
        )
    })
}

fn too_small(model: &Model, chat: &Chat) -> Option<String> {
    let context = model.context_length?;
    let templates = chat.all_templates();
    let chars: usize = templates
        .iter()
        .map(|(_, template)| template.least_chars())
        .sum();
    let least = chars / CHARS_PER_TOKEN;
    let answer = u64::from(chat.options.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS));
    (least as u64 + answer > context).then(|| {
        format!(
            "the prompts' fixed text needs some {least} tokens and the answer may take {answer} (`maxTokens`), \
             more than the context of `{}`, {context}",
            model.id
        )
    })
}

/// A model that lists no parameters at all tells nothing about them.
fn unheeded(model: &Model, known_as: &[String]) -> Option<String> {
    let heeded = &model.supported_parameters;
    let name = known_as.first()?;
    if heeded.is_empty()
        || known_as
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
