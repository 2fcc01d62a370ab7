#![doc = include_str!("../README.md")]

mod line;

use std::time::Duration;

use jiff::Timestamp;
use line::{Line, Unit};
use rust_decimal::Decimal;

/// A try of a node that is over.
#[derive(Debug, Clone, Default)]
pub struct NodeTry<'a> {
    /// The workflow's id.
    pub workflow: &'a str,
    /// The run's id.
    pub run: &'a str,
    /// The node's id in the workflow.
    pub node: &'a str,
    /// The code of its failure, or of what it waits out.
    pub code: Option<&'a str>,
    /// How long it took.
    pub took: Duration,
    /// How long the model took to its first token.
    pub first_token: Option<Duration>,
    /// Tokens sent.
    pub prompt_tokens: u64,
    /// Tokens generated.
    pub completion_tokens: u64,
    /// What it cost, USD, where that is known.
    pub cost_usd: Option<Decimal>,
}

impl NodeTry<'_> {
    /// Writes the line.
    pub fn write(&self) {
        line::write(|namespace, now| self.line(namespace, now).to_string());
    }

    fn line<'l>(&'l self, namespace: &'l str, now: Timestamp) -> Line<'l> {
        let mut line = Line::new(namespace, now)
            .field("workflow", self.workflow)
            .field("run", self.run)
            .field("node", self.node)
            .metrics(&[&[]])
            .metric("Tries", Unit::Count, 1)
            .metric("TryMilliseconds", Unit::Milliseconds, self.took.as_millis())
            .metric("PromptTokens", Unit::Count, self.prompt_tokens)
            .metric("CompletionTokens", Unit::Count, self.completion_tokens);
        if let Some(after) = self.first_token {
            line = line.metric(
                "FirstTokenMilliseconds",
                Unit::Milliseconds,
                after.as_millis(),
            );
        }
        if let Some(cost) = self.cost_usd {
            line = line.metric("CostUsd", Unit::None, cost);
        }
        match self.code {
            Some(code) => {
                line.field("Code", code)
                    .metrics(&[&[], &["Code"]])
                    .metric("Errors", Unit::Count, 1)
            }
            None => line,
        }
    }
}

/// An execution of a run that has ended.
#[derive(Debug, Clone, Copy)]
pub struct RunEnd<'a> {
    /// The run's id.
    pub run: &'a str,
    /// How it ended, such as `SUCCEEDED`.
    pub status: &'a str,
}

impl RunEnd<'_> {
    /// Writes the line.
    pub fn write(&self) {
        line::write(|namespace, now| self.line(namespace, now).to_string());
    }

    fn line<'l>(&'l self, namespace: &'l str, now: Timestamp) -> Line<'l> {
        Line::new(namespace, now)
            .field("run", self.run)
            .field("Status", self.status)
            .metrics(&[&[], &["Status"]])
            .metric("Runs", Unit::Count, 1)
    }
}

/// A start that was refused, or skipped: nothing has failed.
#[derive(Debug, Clone, Copy)]
pub struct StartRefused<'a> {
    /// The workflow's id.
    pub workflow: &'a str,
    /// Why, such as `WorkflowDisabled`.
    pub code: &'a str,
}

impl StartRefused<'_> {
    /// Writes the line.
    pub fn write(&self) {
        line::write(|namespace, now| self.line(namespace, now).to_string());
    }

    fn line<'l>(&'l self, namespace: &'l str, now: Timestamp) -> Line<'l> {
        Line::new(namespace, now)
            .field("workflow", self.workflow)
            .field("Code", self.code)
            .metrics(&[&[], &["Code"]])
            .metric("StartsRefused", Unit::Count, 1)
    }
}

/// A sweep that is over.
#[derive(Debug, Clone, Copy)]
pub struct Sweep<'a> {
    /// What it looks for, such as `Runs`.
    pub name: &'a str,
    /// How many items were due, at most as many as one sweep takes.
    pub due: usize,
    /// How many of them could not be looked at.
    pub not_swept: usize,
    /// How long the first of them had been due, where there was one.
    pub oldest: Option<Duration>,
}

impl Sweep<'_> {
    /// Writes the line.
    pub fn write(&self) {
        line::write(|namespace, now| self.line(namespace, now).to_string());
    }

    fn line<'l>(&'l self, namespace: &'l str, now: Timestamp) -> Line<'l> {
        let oldest = self.oldest.unwrap_or_default().as_secs();
        Line::new(namespace, now)
            .field("Sweep", self.name)
            .metrics(&[&["Sweep"]])
            .metric("Due", Unit::Count, self.due)
            .metric("NotSwept", Unit::Count, self.not_swept)
            .metric("OldestDueSeconds", Unit::Seconds, oldest)
    }
}

/// What is left of a key.
#[derive(Debug, Clone, Copy)]
pub struct CreditLeft<'a> {
    /// The credential's name.
    pub credential: &'a str,
    /// What is left of the key's limit at OpenRouter, USD; `None` where it has no limit.
    pub credit_usd: Option<Decimal>,
    /// What is left of the credential's budget of this day, USD; `None` where it has none.
    pub budget_usd: Option<Decimal>,
}

impl CreditLeft<'_> {
    /// Writes the line, where there is a limit or a budget.
    pub fn write(&self) {
        if self.credit_usd.is_some() || self.budget_usd.is_some() {
            line::write(|namespace, now| self.line(namespace, now).to_string());
        }
    }

    fn line<'l>(&'l self, namespace: &'l str, now: Timestamp) -> Line<'l> {
        let mut line = Line::new(namespace, now)
            .field("Credential", self.credential)
            .metrics(&[&[], &["Credential"]]);
        if let Some(usd) = self.credit_usd {
            line = line.metric("CreditLeftUsd", Unit::None, usd);
        }
        if let Some(usd) = self.budget_usd {
            line = line.metric("BudgetLeftUsd", Unit::None, usd);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const SCHEMA: &str = include_str!("../emf-schema.json");

    fn read(line: &Line<'_>) -> Value {
        let text = line.to_string();
        assert!(!text.contains('\n'), "one line: {text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let faults: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&value)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{faults:?} in {text}");
        for directive in value["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                assert!(value[name].is_number(), "{name} in {text}");
            }
            for set in directive["Dimensions"].as_array().unwrap() {
                for name in set.as_array().unwrap() {
                    assert!(
                        value[name.as_str().unwrap()].is_string(),
                        "{name} in {text}"
                    );
                }
            }
        }
        value
    }

    #[test]
    fn a_try_that_succeeded_has_its_tokens_its_times_and_its_cost_to_the_last_digit() {
        let tried = NodeTry {
            workflow: "w",
            run: "r",
            node: "n \"1\"\n",
            took: Duration::from_millis(1_500),
            first_token: Some(Duration::from_millis(300)),
            prompt_tokens: 7,
            completion_tokens: 11,
            cost_usd: Some(Decimal::new(1, 12)),
            code: None,
        };
        let now = Timestamp::from_millisecond(1_795_392_004_000).unwrap();
        let line = tried.line("stack", now);
        assert!(line.to_string().contains("\"CostUsd\":0.000000000001"));
        let value = read(&line);
        assert_eq!(value["_aws"]["Timestamp"], 1_795_392_004_000_i64);
        assert_eq!(value["FirstTokenMilliseconds"], 300);
        assert_eq!(value["node"], "n \"1\"\n");
        assert_eq!(value.get("Errors"), None);
        assert_eq!(value["_aws"]["CloudWatchMetrics"][0]["Namespace"], "stack");
    }

    #[test]
    fn a_try_that_failed_is_counted_by_its_code() {
        let tried = NodeTry {
            code: Some("RateLimitExceeded"),
            ..NodeTry::default()
        };
        let value = read(&tried.line("stack", Timestamp::now()));
        assert_eq!(value["Errors"], 1);
        assert_eq!(value["Code"], "RateLimitExceeded");
        assert_eq!(value.get("CostUsd"), None, "it is not known");
        assert_eq!(
            value["_aws"]["CloudWatchMetrics"][1]["Dimensions"],
            serde_json::json!([[], ["Code"]])
        );
    }

    #[test]
    fn runs_and_sweeps_are_lines_too() {
        let run = RunEnd {
            run: "r",
            status: "FAILED",
        };
        assert_eq!(read(&run.line("s", Timestamp::now()))["Status"], "FAILED");
        let refused = StartRefused {
            workflow: "w",
            code: "WorkflowDisabled",
        };
        let value = read(&refused.line("s", Timestamp::now()));
        assert_eq!(value["StartsRefused"], 1);
        let sweep = Sweep {
            name: "Costs",
            due: 3,
            not_swept: 1,
            oldest: None,
        };
        let value = read(&sweep.line("s", Timestamp::now()));
        assert_eq!(value["OldestDueSeconds"], 0);
        let left = CreditLeft {
            credential: "main",
            credit_usd: Some(Decimal::new(-5, 1)),
            budget_usd: None,
        };
        let line = left.line("s", Timestamp::now());
        assert!(line.to_string().contains("\"CreditLeftUsd\":-0.5"));
        assert_eq!(read(&line).get("BudgetLeftUsd"), None);
    }
}
