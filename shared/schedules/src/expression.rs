//! When a schedule fires: `rate(...)`, `cron(...)` or `at(...)`.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use steps_problem::Fault;

use crate::cron::{Cron, instant};

/// A schedule's expression, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    times: Times,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Times {
    Rate(SignedDuration),
    Cron(Cron),
    At(DateTime),
}

impl Expression {
    /// Reads an expression as EventBridge Scheduler does.
    ///
    /// # Errors
    /// Every fault in it, at the path `expression`.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let text = text.trim();
        let inner = |word: &str| {
            let inner = text.strip_prefix(word)?.strip_prefix('(')?;
            Some(inner.strip_suffix(')')?.trim())
        };
        let times = if let Some(rate) = inner("rate") {
            Times::Rate(interval(rate).ok_or_else(|| {
                vec![Fault::at(
                    "expression",
                    format!("`{rate}` is not what rate takes: a whole number from 1 on and `minutes`, `hours` or `days`, such as `rate(5 minutes)`"),
                )]
            })?)
        } else if let Some(cron) = inner("cron") {
            Times::Cron(Cron::parse(cron)?)
        } else if let Some(at) = inner("at") {
            Times::At(moment(at).ok_or_else(|| {
                vec![Fault::at(
                    "expression",
                    format!("`{at}` is not what at takes: a date and a time without a zone, such as `at(2030-01-31T09:00:00)`"),
                )]
            })?)
        } else {
            return Err(vec![Fault::at(
                "expression",
                format!(
                    "`{text}` is none of `rate(5 minutes)`, `cron(0 9 ? * MON-FRI *)`, `at(2030-01-31T09:00:00)`"
                ),
            )]);
        };
        Ok(Self {
            text: text.to_owned(),
            times,
        })
    }

    /// The next `count` times after `now` on the zone's clocks; fewer where the schedule ends before. A rate counts from
    /// `created`.
    pub fn next(
        &self,
        zone: &TimeZone,
        created: Timestamp,
        now: Timestamp,
        count: usize,
    ) -> Vec<Timestamp> {
        let mut last = now;
        let mut times = Vec::new();
        while times.len() < count {
            let next = match &self.times {
                Times::Rate(every) => next_of_rate(*every, created, last),
                Times::Cron(cron) => cron.next(zone, last),
                Times::At(at) => instant(*at, zone).filter(|at| *at > last),
            };
            let Some(next) = next else { break };
            times.push(next);
            last = next;
        }
        times
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn interval(text: &str) -> Option<SignedDuration> {
    let (value, unit) = text.split_once(' ')?;
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let value: i64 = value.parse().ok().filter(|value| digits && *value > 0)?;
    let seconds = match unit.trim_start() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 60 * 60,
        "day" | "days" => 24 * 60 * 60,
        _ => return None,
    };
    // Almost three centuries: no later time can be shown.
    (value <= 150_000_000).then(|| SignedDuration::from_secs(value * seconds))
}

fn moment(text: &str) -> Option<DateTime> {
    let shaped = text.len() == "2030-01-31T09:00:00".len() && text.contains('T');
    text.parse().ok().filter(|_| shaped)
}

fn next_of_rate(every: SignedDuration, created: Timestamp, after: Timestamp) -> Option<Timestamp> {
    let passed = after.duration_since(created).as_secs();
    let intervals = passed.max(0) / every.as_secs() + 1;
    let seconds = every.as_secs().checked_mul(intervals)?;
    let next = created.checked_add(SignedDuration::from_secs(seconds));
    next.ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::Expression;

    fn next(expression: &str, zone: &str, created: &str, now: &str) -> Vec<String> {
        let time = |text: &str| -> Timestamp { text.parse().unwrap() };
        Expression::parse(expression)
            .unwrap()
            .next(&crate::zone(zone).unwrap(), time(created), time(now), 3)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_rate_counts_from_its_creation() {
        assert_eq!(
            next(
                "rate(2 hours)",
                "UTC",
                "2026-11-23T10:30:00Z",
                "2026-11-23T15:00:00Z"
            ),
            [
                "2026-11-23T16:30:00Z",
                "2026-11-23T18:30:00Z",
                "2026-11-23T20:30:00Z"
            ]
        );
        assert_eq!(
            next(
                "rate(1 day)",
                "UTC",
                "2026-11-23T10:30:00Z",
                "2026-11-23T10:30:00Z"
            )
            .first()
            .unwrap(),
            "2026-11-24T10:30:00Z"
        );
    }

    #[test]
    fn one_time_comes_once_on_the_clocks_of_its_zone() {
        let (created, now) = ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z");
        assert_eq!(
            next("at(2026-12-24T18:00:00)", "Europe/Berlin", created, now),
            ["2026-12-24T17:00:00Z"]
        );
        assert!(next("at(2026-11-22T18:00:00)", "UTC", created, now).is_empty());
        // Clocks go from 2:00 to 3:00.
        assert!(next("at(2027-03-28T02:30:00)", "Europe/Berlin", created, now).is_empty());
    }

    #[test]
    fn malformed_expressions_are_refused() {
        for text in [
            "",
            "hourly",
            "rate()",
            "rate(0 minutes)",
            "rate(5 seconds)",
            "rate(-5 minutes)",
            "rate(5minutes)",
            "rate(+5 minutes)",
            "rate(99999999999 days)",
            "at(2026-12-24)",
            "at(2026-12-24T18:00:00Z)",
            "at(2026-13-24T18:00:00)",
            "at(2026-12-24 18:00:00)",
            "cron(* * *)",
            "rate(5 minutes",
        ] {
            let faults = Expression::parse(text).unwrap_err();
            assert_eq!(faults.first().unwrap().path, "expression", "{text}");
        }
    }

    #[test]
    fn an_expression_is_kept_as_it_was_written() {
        let expression = Expression::parse(" rate(5 minutes) ").unwrap();
        assert_eq!(expression.to_string(), "rate(5 minutes)");
    }
}
