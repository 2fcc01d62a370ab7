//! An answer that is to be JSON: whether it is what was asked for, and how the model is asked to correct it.

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};
use steps_openrouter::{ChatRequest, Completion, Role};
use steps_problem::{Problem, short};

use crate::INVALID_OUTPUT;
use crate::ended::Failed;

/// How many faults of an answer are told, to the model and to the author.
const FAULTS: usize = 20;

/// The most characters of a fault.
const FAULT: usize = 300;

/// What a model needs for the faults of its answer, in tokens: they are told once.
pub(super) const FAULT_TOKENS: usize = FAULTS * FAULT / 2;

/// What an answer has to be.
#[derive(Debug)]
pub(super) enum Form {
    /// Any text.
    Text,
    /// JSON of any shape.
    Json,
    /// JSON that fits this schema.
    Fitting(Box<Validator>),
}

impl Form {
    /// What `response_format` asks for.
    pub(super) fn of(format: Option<&Map<String, Value>>) -> Result<Self, Problem> {
        let Some(format) = format else {
            return Ok(Self::Text);
        };
        match format.get("type").and_then(Value::as_str) {
            Some("json_object") => Ok(Self::Json),
            Some("json_schema") => match schema_of(format) {
                Some(schema) => compile(schema).map(|fitting| Self::Fitting(Box::new(fitting))),
                None => Ok(Self::Json),
            },
            _ => Ok(Self::Text),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        !matches!(self, Self::Text)
    }

    /// The value of the text; else its faults.
    fn read(&self, text: &str) -> Result<Value, Vec<Fault>> {
        let value: Value = serde_json::from_str(without_fence(text)).map_err(|error| {
            let words = format!("it is not JSON: {error}");
            vec![Fault {
                rule: words.clone(),
                words,
            }]
        })?;
        let Self::Fitting(validator) = self else {
            return Ok(value);
        };
        let faults: Vec<Fault> = validator
            .iter_errors(&value)
            .take(FAULTS)
            .map(|error| {
                let place = match error.instance_path().as_str() {
                    "" => "the whole".to_owned(),
                    path => format!("`{path}`"),
                };
                Fault {
                    words: short(&format!("{place}: {error}"), FAULT),
                    rule: short(&format!("it breaks `{}`", error.schema_path()), FAULT),
                }
            })
            .collect();
        if faults.is_empty() {
            Ok(value)
        } else {
            Err(faults)
        }
    }
}

/// One thing wrong with an answer.
struct Fault {
    /// In words, with what the model wrote.
    words: String,
    /// Which rule of the schema is broken. It has nothing of the answer in it: a problem is told to Step Functions.
    rule: String,
}

/// The schema inside `response_format`.
pub(super) fn schema_of(format: &Map<String, Value>) -> Option<&Value> {
    format.get("json_schema")?.get("schema")
}

/// Patterns are read in linear time: a model writes the texts that they are compared with.
fn compile(schema: &Value) -> Result<Validator, Problem> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| {
            Problem::new(
                422,
                "InvalidNode",
                "Invalid Node",
                short(
                    &format!("`responseFormat.json_schema.schema` is no JSON Schema: {error}"),
                    FAULT,
                ),
            )
            .solution(["Correct the schema in the workflow, and start a new run"])
        })
}

/// The JSON in a block of Markdown, as some models write it.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let inside = text
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .and_then(|rest| rest.split_once('\n'));
    match inside {
        Some((language, json)) if language.trim().chars().all(char::is_alphanumeric) => json.trim(),
        _ => text,
    }
}

/// The value of an answer, where it is to be JSON. `repairs` is how the model may still be asked to correct it.
pub(super) fn value(
    form: &Form,
    completion: &Completion,
    repairs: bool,
) -> Result<Option<Value>, Failed> {
    let calls_tools = !completion.tool_calls.is_empty() && completion.text.is_empty();
    if !form.is_json() || calls_tools {
        return Ok(None);
    }
    let faults = match form.read(&completion.text) {
        Ok(value) => return Ok(Some(value)),
        Err(faults) => faults,
    };
    // Asked again, the model would be cut or refuse again.
    let (why, step) = if completion.refusal.is_some() {
        (
            Some("the model refused"),
            "Change the prompt, or choose another model",
        )
    } else {
        match completion.finish_reason.as_deref() {
            Some("length") => (
                Some("the answer was cut at `maxTokens`"),
                "Raise the node's `maxTokens`",
            ),
            Some("content_filter") => (
                Some("the provider's filter cut the answer"),
                "Change the prompt, or choose another model",
            ),
            _ => (
                None,
                "Describe the answer in the prompt, or choose a model that supports structured outputs (`structured_outputs` in GET /models)",
            ),
        }
    };
    let told: Vec<String> = faults.iter().map(|fault| fault.rule.clone()).collect();
    let told = told.join("; ");
    let faults: Vec<String> = faults.into_iter().map(|fault| fault.words).collect();
    let cause = match why {
        Some(why) => {
            format!("the answer is not the JSON that `responseFormat` asks for, for {why}: {told}")
        }
        None => format!("the answer is not the JSON that `responseFormat` asks for: {told}"),
    };
    let problem = Problem::new(422, INVALID_OUTPUT, "Invalid Output", cause)
        .solution([
            step.to_owned(),
            "The text and its faults are in the node's output; resume the run to ask once more"
                .to_owned(),
        ])
        .retryable(repairs && why.is_none());
    Err(Failed {
        problem,
        retry_after: None,
        draft: Some(json!({"text": completion.text, "faults": faults})),
    })
}

/// Asks the model to correct its answer: `draft` is what a try left behind.
pub(super) fn ask_to_correct(request: &mut ChatRequest, draft: &Value) -> bool {
    let Some(text) = draft.get("text").and_then(Value::as_str) else {
        return false;
    };
    let faults: Vec<&str> = draft
        .get("faults")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let asked = format!(
        "Your answer is not what was asked for:\n- {}\nWrite the whole answer once more, corrected: JSON and nothing else.",
        faults.join("\n- ")
    );
    // Some providers refuse an empty message.
    if !text.trim().is_empty() {
        request.say(Role::Assistant, text);
    }
    request.say(Role::User, asked);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting() -> Form {
        let schema =
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}});
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        Form::of(format.as_object()).unwrap()
    }

    fn answered(text: &str) -> Completion {
        Completion {
            text: text.to_owned(),
            finish_reason: Some("stop".to_owned()),
            ..Completion::default()
        }
    }

    #[test]
    fn json_is_read_with_and_without_a_fence() {
        for text in [
            "{\"a\": 1}",
            " {\"a\":1}\n",
            "```json\n{\"a\": 1}\n```",
            "```\n{\"a\":1}```",
        ] {
            let read = value(&fitting(), &answered(text), true).unwrap();
            assert_eq!(read, Some(json!({"a": 1})), "{text}");
        }
    }

    #[test]
    fn faults_are_named_and_asked_to_be_corrected_once() {
        let failed = value(&fitting(), &answered("{\"a\": \"x\"}"), true).unwrap_err();
        assert_eq!(failed.problem.code, INVALID_OUTPUT);
        let cause = &failed.problem.cause;
        assert!(failed.problem.retryable, "{failed:?}");
        assert!(
            cause.contains("`/properties/a/type`") && !cause.contains("\"x\""),
            "{cause}"
        );
        let mut request = ChatRequest::new("a/b").user("hi");
        assert!(ask_to_correct(&mut request, &failed.draft.unwrap()));
        let messages = json!(request.messages);
        assert_eq!(
            messages[1],
            json!({"role": "assistant", "content": "{\"a\": \"x\"}"})
        );
        assert!(messages[2]["content"].as_str().unwrap().contains("`/a`"));
        let last = value(&fitting(), &answered("no"), false).unwrap_err();
        assert!(!last.problem.retryable);
    }

    #[test]
    fn what_was_cut_or_refused_is_not_asked_for_again() {
        for (finish, refusal) in [
            ("length", None),
            ("content_filter", None),
            ("stop", Some("no".to_owned())),
        ] {
            let completion = Completion {
                finish_reason: Some(finish.to_owned()),
                refusal,
                ..answered("{")
            };
            let failed = value(&fitting(), &completion, true).unwrap_err();
            assert!(!failed.problem.retryable, "{finish}");
        }
    }

    #[test]
    fn a_schema_that_is_none_or_looks_elsewhere_is_refused_before_anything_is_paid() {
        for schema in [
            json!({"type": "nothing"}),
            json!({"pattern": "("}),
            json!({"$ref": "https://example.org/x"}),
        ] {
            let format =
                json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
            assert_eq!(
                Form::of(format.as_object()).unwrap_err().code,
                "InvalidNode",
                "{format}"
            );
        }
    }
}
