//! One call of a function.

use serde::Deserialize;
use serde_json::{Value, json};
use steps_openrouter::ModelList;
use steps_problem::{MESSAGE, NAME, Problem, short};

use crate::ended::{Ended, Failed};
use crate::node_kind::Ready;
use crate::preview::Preview;
use crate::scope::{Invoked, NotInvoked, Scope};
use crate::unknown::outcome_unknown;

/// The call, ready to be sent.
#[derive(Debug)]
pub(crate) struct ReadyLambda {
    /// As the document names it.
    pub(super) function: String,
    pub(super) payload: Vec<u8>,
    pub(super) retry_on: Vec<String>,
    pub(super) repeatable: bool,
}

impl Ready for ReadyLambda {
    fn preview(&self, _list: Option<&ModelList>, _models: &[String]) -> Preview {
        let payload: Value = serde_json::from_slice(&self.payload).unwrap_or_default();
        Preview {
            sends: json!({ "function": self.function, "payload": payload }),
            call: None,
        }
    }

    async fn run(self, scope: &impl Scope) -> Ended {
        if !self.repeatable && scope.may_have_acted() {
            let why =
                "an earlier try ended without a word, after the function may have been called";
            return Err(outcome_unknown(why).into());
        }
        let invoked = scope.invoke(&self.function, &self.payload).await;
        let Invoked { answer, failed } = match invoked {
            Ok(invoked) => invoked,
            Err(NotInvoked {
                problem,
                may_have_acted: true,
            }) if problem.retryable && !self.repeatable => {
                return Err(outcome_unknown(&problem.cause).into());
            }
            Err(NotInvoked { problem, .. }) => return Err(problem.into()),
        };
        tracing::info!(
            function = self.function,
            bytes = answer.len(),
            failed,
            "answered"
        );
        if failed {
            return Err(self.failed(&answer));
        }
        if answer.is_empty() {
            return Ok(Value::Null.into());
        }
        // What is no JSON is a text.
        let text = || Value::String(String::from_utf8_lossy(&answer).into_owned());
        let output = serde_json::from_slice(&answer).unwrap_or_else(|_| text());
        Ok(output.into())
    }
}

/// The error of a function, as Lambda's runtimes write it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FunctionError {
    error_type: Option<String>,
    error_message: Option<Value>,
}

impl ReadyLambda {
    fn failed(&self, answer: &[u8]) -> Failed {
        let error: FunctionError = serde_json::from_slice(answer).unwrap_or_default();
        let error_type = error.error_type.unwrap_or_else(|| "an error".to_owned());
        let message = match error.error_message {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let retryable = self.retry_on.contains(&error_type);
        let (error_type, message) = (short(&error_type, NAME), short(&message, MESSAGE));
        let said = if message.is_empty() {
            error_type
        } else {
            format!("{error_type}: {message}")
        };
        Problem::new(
            502,
            "FunctionFailed",
            "Function Failed",
            format!("the function `{}` failed: {said}", self.function),
        )
        .solution([
            "Look into the function's own log",
            "Where the error passes: name its type in the node's `retryOn`",
        ])
        .retryable(retryable)
        .into()
    }
}

/// The rendered node is no call.
pub(super) fn invalid(what: String) -> Problem {
    Problem::new(422, "PayloadInvalid", "Payload Invalid", what).solution([
        "Insert values of other kinds than texts with `json`: {\"order\": {{json order}}}",
        "Put the workflow again with the payload corrected",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(answer: &str) -> Problem {
        let ready = ReadyLambda {
            function: "tax".to_owned(),
            payload: Vec::new(),
            retry_on: vec!["Throttled".to_owned()],
            repeatable: false,
        };
        ready.failed(answer.as_bytes()).problem
    }

    #[test]
    fn the_error_of_a_function_is_told_in_its_words_without_keys_and_cut() {
        for (answer, cause, retryable) in [
            (
                r#"{"errorType": "OutOfStock", "errorMessage": "no tea\n is left", "trace": ["secret"]}"#,
                "the function `tax` failed: OutOfStock: no tea is left",
                false,
            ),
            (
                r#"{"errorType": "Throttled", "errorMessage": {"with": "sk-or-v1-0123456789abcdef"}}"#,
                "the function `tax` failed: Throttled: {\"with\":\"[key removed]\"}",
                true,
            ),
            ("{}", "the function `tax` failed: an error", false),
            ("no JSON", "the function `tax` failed: an error", false),
        ] {
            let problem = failed(answer);
            assert_eq!(problem.cause, cause);
            assert_eq!(problem.retryable, retryable, "{answer}");
        }
        let long = format!(
            r#"{{"errorType": "{0}", "errorMessage": "{0}"}}"#,
            "x".repeat(5000)
        );
        assert!(failed(&long).cause.chars().count() < 700);
    }
}
