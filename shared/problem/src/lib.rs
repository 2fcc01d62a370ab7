//! A problem: the one form in which every failure is shown. It says what happened, why, and what to do about it.
//!
//! Each shared crate has an error enum of its own and turns it into a [`Problem`] where it gives it to its caller.
//! One `code` is used everywhere: Step Functions matches it as the Lambda `errorType`, an HTTP answer has it as
//! `code`, and the problem's page in `docs/errors` has it as name.

mod answer;
mod name;
mod nearest;
mod short;
mod size;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use answer::ProblemAnswer;
pub use name::name_fault;
pub use nearest::{did_you_mean, distance, known_names, near_miss, nearest};
use short::STEPS;
pub use short::{CAUSE, FAULTS, MESSAGE, NAME, PATH, cut, short, short_faults};
pub use size::{LARGEST_ANSWER, answer_bytes};

/// A failure as users see it. It never holds a secret, and each text is cut to the bounds in [`short`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable name in PascalCase, such as `InvalidApiKey`.
    pub code: String,
    /// The code in words for people, such as "Invalid API Key".
    pub title: String,
    /// What happened and why, in a sentence or two.
    pub cause: String,
    /// What to do about it: steps, in their order.
    #[serde(default)]
    pub solution: Vec<String>,
    /// A page with more help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The HTTP status of an answer with this problem.
    pub status: u16,
    /// Whether the same request, unchanged, can succeed later.
    pub retryable: bool,
    /// What the service that we called answered, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// Every fault in what the caller sent, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What is allowed in what the caller sent, and probably a slip: no reason for the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Fault>,
}

/// What the service that we called answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upstream {
    /// Its HTTP status, or the code in the body of its error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider behind the gateway, such as `Anthropic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Its message. Of nested messages, the innermost one.
    pub message: String,
}

/// One fault in what the caller sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Where: a path such as `nodes[2].userPrompt`; empty for the whole document.
    pub path: String,
    /// Line within the text at `path`, from 1, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column within that line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong and how to correct it.
    pub message: String,
}

impl Fault {
    /// A fault at `path`, without a line.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: None,
            column: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, " (line {line}, column {column})")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Problem {
    /// A value could not be written as JSON. This is a fault of this project, not of the caller.
    pub fn unwritable(error: impl std::error::Error) -> Self {
        Self::new(
            500,
            "AnswerUnwritable",
            "Answer Unwritable",
            error.to_string(),
        )
    }

    /// A problem that is not retryable, with no solution, link or faults. The methods below add them.
    pub fn new(
        status: u16,
        code: impl Into<String>,
        title: impl Into<String>,
        cause: impl Into<String>,
    ) -> Self {
        Self {
            code: short(&code.into(), NAME),
            title: short(&title.into(), NAME),
            cause: short(&cause.into(), CAUSE),
            solution: Vec::new(),
            link: None,
            status,
            retryable: false,
            upstream: None,
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The problem of something that was not stored because of its faults. `what` names it, such as `the workflow`.
    pub fn faulty(
        status: u16,
        code: impl Into<String>,
        title: impl Into<String>,
        what: &str,
        faults: Vec<Fault>,
    ) -> Self {
        let cause = match faults.len() {
            1 => format!("{what} has a fault; nothing was stored"),
            count => format!("{what} has {count} faults; nothing was stored"),
        };
        Self::new(status, code, title, cause)
            .solution(["Correct what `faults` names, each at its path, and send it again"])
            .faults(faults)
    }

    /// Sets the steps of the solution.
    #[must_use]
    pub fn solution<I, S>(mut self, steps: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.solution = steps
            .into_iter()
            .take(STEPS)
            .map(|step| short(&step.into(), MESSAGE))
            .collect();
        self
    }

    /// A page with more help.
    #[must_use]
    pub fn link(mut self, link: impl Into<String>) -> Self {
        self.link = Some(short(&link.into(), MESSAGE));
        self
    }

    /// Says that the same request can succeed later.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// Sets what the service that we called answered.
    #[must_use]
    pub fn upstream(mut self, upstream: Option<Upstream>) -> Self {
        self.upstream = upstream.map(|upstream| Upstream {
            provider: upstream.provider.map(|name| short(&name, NAME)),
            message: short(&upstream.message, MESSAGE),
            ..upstream
        });
        self
    }

    /// The same problem without anything that looks like an API key, and with each text cut. Every place that stores
    /// or sends a problem calls it again, so nothing depends on who called it before.
    #[must_use]
    pub fn redacted(self) -> Self {
        let short = Self::new(self.status, self.code, self.title, self.cause)
            .solution(self.solution)
            .retryable(self.retryable)
            .upstream(self.upstream)
            .faults(self.faults)
            .warnings(self.warnings);
        match self.link {
            Some(link) => short.link(link),
            None => short,
        }
    }

    /// Sets the faults in what the caller sent.
    #[must_use]
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = short_faults(faults);
        self
    }

    /// What is probably a slip in what the caller sent.
    #[must_use]
    pub fn warnings(mut self, warnings: Vec<Fault>) -> Self {
        self.warnings = short_faults(warnings);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.cause)?;
        if let Some(upstream) = &self.upstream {
            write!(f, " (upstream said: {})", upstream.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted() {
        let faulty = |count| {
            let faults = vec![Fault::at("name", "is too long"); count];
            Problem::faulty(
                422,
                "InvalidWorkflow",
                "Invalid Workflow",
                "the workflow",
                faults,
            )
        };
        let one = faulty(1);
        assert_eq!(one.cause, "the workflow has a fault; nothing was stored");
        let many = faulty(FAULTS + 7);
        assert_eq!(many.cause, "the workflow has 57 faults; nothing was stored");
        assert_eq!(many.faults.len(), FAULTS);
    }

    #[test]
    fn whatever_is_put_into_a_problem_it_stays_small_and_without_keys() {
        let long = format!("{} sk-or-v1-abc", "漢 sk-or-v1-abc ".repeat(1_000));
        let built = Problem::new(422, &long, &long, &long)
            .solution(vec![long.clone(); 100])
            .link(&long)
            .upstream(Some(Upstream {
                status: Some(500),
                provider: Some(long.clone()),
                message: long.clone(),
            }))
            .faults(vec![Fault::at(&long, &long); 1000])
            .warnings(vec![Fault::at(&long, &long); 1000]);
        let set = Problem {
            code: long.clone(),
            title: long.clone(),
            cause: long.clone(),
            solution: vec![long.clone(); 100],
            link: Some(long.clone()),
            upstream: built.upstream.clone(),
            faults: vec![Fault::at(&long, &long); 1000],
            warnings: vec![Fault::at(&long, &long); 1000],
            ..built.clone()
        };
        assert_eq!(set.redacted(), built);
        assert_eq!(built.clone().redacted(), built);
        // Half of the size that a record may have.
        assert!(format!("{built:?}").len() < 200_000);
        assert!(!format!("{built:?}").contains("v1-abc"));
    }
}
