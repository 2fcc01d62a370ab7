//! One answer to a failure: what happened, why, and what to do about it.
//!
//! Every shared crate keeps an error enum of its own and turns it into a [`Problem`] at its edge.
//! A problem's `code` is, unchanged, the Lambda `errorType` that Step Functions matches, the `code` of
//! an HTTP answer and the name of its page in `docs/errors`.

mod name;
mod nearest;
mod short;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use name::name_fault;
pub use nearest::{did_you_mean, distance, known_names, near_miss, nearest};
use short::STEPS;
pub use short::{CAUSE, FAULTS, MESSAGE, NAME, PATH, cut, short, short_faults};

/// A failure as users meet it. Never carries a secret, and no text past the bounds of [`short`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable name in PascalCase, such as `InvalidApiKey`.
    pub code: String,
    /// The same in a few words for people, such as "Invalid API Key".
    pub title: String,
    /// What happened and why, in a sentence or two.
    pub cause: String,
    /// What to do about it, step by step; the first step first.
    #[serde(default)]
    pub solution: Vec<String>,
    /// A page that helps on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// HTTP status that answers a caller with this problem.
    pub status: u16,
    /// Whether the same request can succeed later with nothing changed.
    pub retryable: bool,
    /// What the service behind us said, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,
    /// Every fault found in what the caller sent, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What is allowed in what the caller sent, and probably a slip: no reason for the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Fault>,
}

/// The words of the service behind us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upstream {
    /// HTTP status it answered with, or the code inside its error body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider behind the gateway, such as `Anthropic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Its message; where it had nested reasons, the innermost one.
    pub message: String,
}

/// One fault in what the caller sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What is wrong and how to mend it.
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
    /// What is to be written has a shape that cannot be written: a fault of this project's own.
    pub fn unwritable(error: impl std::error::Error) -> Self {
        Self::new(
            500,
            "AnswerUnwritable",
            "Answer Unwritable",
            error.to_string(),
        )
    }

    /// A problem that is not retryable and has nothing but its words; the rest is added with the builders below.
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

    /// What a caller sent to be stored, such as `the workflow`, has these faults, and was not stored.
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

    /// The steps that mend it.
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

    /// A page that helps on.
    #[must_use]
    pub fn link(mut self, link: impl Into<String>) -> Self {
        self.link = Some(short(&link.into(), MESSAGE));
        self
    }

    /// Marks it as one that can succeed later.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// What the service behind us said.
    #[must_use]
    pub fn upstream(mut self, upstream: Option<Upstream>) -> Self {
        self.upstream = upstream.map(|upstream| Upstream {
            provider: upstream.provider.map(|name| short(&name, NAME)),
            message: short(&upstream.message, MESSAGE),
            ..upstream
        });
        self
    }

    /// The same without anything that looks like an API key, and with every text cut. Applied once more at every edge,
    /// whatever was done before.
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

    /// The faults found in what the caller sent.
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
        // Half of what a record may have.
        assert!(format!("{built:?}").len() < 200_000);
        assert!(!format!("{built:?}").contains("v1-abc"));
    }
}
