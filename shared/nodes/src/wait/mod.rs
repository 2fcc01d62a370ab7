//! `wait`: the run goes on at this node after so long, or at a time. Neither a function nor a lane waits with it.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_problem::{Fault, NAME, Problem, short};
use steps_template::Template;

use crate::ended::{Ended, Pause, Tried, WaitsFor};
use crate::node_kind::{NodeKind, Ready};
use crate::scope::Scope;
use crate::waiting::LONGEST;

/// A wait: for so long, or until a time. It costs nothing while it lasts, and ends within a minute after its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wait {
    /// How long: seconds, or a duration such as `90m` or `PT2H`. A text is a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#for: Option<Length>,
    /// Until when: a template that gives a time with its zone, such as `2026-12-01T09:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Template>,
}

/// A length of time as a document has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Length {
    /// So many seconds.
    Seconds(u64),
    /// A template that gives seconds, or a duration.
    Text(Template),
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "minimum": 1,
            "maximum": LONGEST,
            "errorMessage": "must be seconds, from 1 to 31104000 (360 days), or a duration such as `90m`",
        })
    }
}

impl NodeKind for Wait {
    type Ready = ReadyWait;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let length = match &self.r#for {
            Some(Length::Text(template)) => Some((Cow::Borrowed("for"), template)),
            _ => None,
        };
        let until = self.until.as_ref().map(|until| ("until".into(), until));
        length.into_iter().chain(until).collect()
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        Some(vec!["since", "until"])
    }

    fn faults(&self) -> Vec<Fault> {
        if self.r#for.is_some() == self.until.is_some() {
            let message = "exactly one of `for` and `until` has to be given";
            return vec![Fault::at("", message)];
        }
        // What has no tags is known now.
        let plain = |template: &Template| !template.has_tags();
        match (&self.r#for, &self.until) {
            (Some(Length::Text(text)), _) if plain(text) && length(text.as_str()).is_none() => {
                vec![Fault::at("for", NO_LENGTH)]
            }
            (_, Some(text)) if plain(text) && time(text.as_str()).is_none() => {
                vec![Fault::at("until", NO_TIME)]
            }
            _ => Vec::new(),
        }
    }

    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadyWait, Problem> {
        Ok(match (&self.r#for, &self.until) {
            (Some(Length::Seconds(seconds)), _) => ReadyWait::For(SignedDuration::from_secs(
                (*seconds).min(LONGEST).cast_signed(),
            )),
            (Some(Length::Text(template)), _) => {
                let text = template.render(context, known)?;
                ReadyWait::For(length(&text).ok_or_else(|| invalid("for", &text, NO_LENGTH))?)
            }
            (None, Some(template)) => {
                let text = template.render(context, known)?;
                ReadyWait::Until(time(&text).ok_or_else(|| invalid("until", &text, NO_TIME))?)
            }
            (None, None) => return Err(invalid("for", "", NO_LENGTH)),
        })
    }
}

const NO_LENGTH: &str = "has to be seconds, or a duration such as `90m` or `PT2H`, up to 360 days";
const NO_TIME: &str = "has to be a time with its zone, such as `2026-12-01T09:00:00Z` or \
                       `2026-12-01T09:00:00+01:00[Europe/Berlin]`";

/// Seconds, or a duration. A negative one is none.
fn length(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let length = match text.parse::<u64>() {
        Ok(seconds) => SignedDuration::try_from_secs_f64(seconds as f64).ok()?,
        Err(_) => text.parse().ok()?,
    };
    let longest = SignedDuration::from_secs(LONGEST.cast_signed());
    (length >= SignedDuration::ZERO && length <= longest).then_some(length)
}

fn time(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

fn invalid(field: &str, text: &str, why: &str) -> Problem {
    let text = short(text, NAME);
    Problem::new(
        422,
        "WaitInvalid",
        "Wait Invalid",
        format!("`{field}` gives `{text}`, and {why}"),
    )
    .solution([
        "Look at what the node's template gives",
        "Put the workflow again with the template corrected, and start it again",
    ])
}

/// A wait whose time is known, or known once it begins.
#[derive(Debug)]
pub(crate) enum ReadyWait {
    For(SignedDuration),
    Until(Timestamp),
}

impl Ready for ReadyWait {
    async fn run(self, scope: &impl Scope) -> Ended {
        let now = Timestamp::now();
        let before = scope.paused();
        let since = before.map_or(now, |paused| paused.since);
        let until = match (before.and_then(|paused| paused.until), self) {
            // It is what it was when the wait began.
            (Some(until), _) | (None, Self::Until(until)) => until,
            (None, Self::For(length)) => since.saturating_add(length).unwrap_or(Timestamp::MAX),
        };
        if until <= now {
            let text = |at: Timestamp| format!("{at:.3}");
            return Ok(json!({"since": text(since), "until": text(until)}).into());
        }
        Ok(Tried::Paused(Pause {
            waits_for: WaitsFor::Time,
            awaits: None,
            until: Some(until),
            shown: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_seconds_or_a_duration_and_a_time_has_a_zone() {
        let seconds = |text: &str| length(text).map(|length| length.as_secs());
        for (text, expected) in [
            ("90", Some(90)),
            (" 0 ", Some(0)),
            ("90m", Some(5400)),
            ("PT2H", Some(7200)),
            ("1h 30m", Some(5400)),
            ("-1", None),
            ("-5m", None),
            ("soon", None),
            ("", None),
            ("31104001", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert!(time("2026-12-01T09:00:00Z").is_some());
        assert!(time("2026-12-01T10:00:00+01:00[Europe/Berlin]").is_some());
        assert!(time("2026-12-01").is_none());
    }

    #[test]
    fn exactly_one_of_both_is_given_and_what_has_no_tags_is_checked_at_once() {
        let faults = |node: Value| -> Vec<String> {
            let node: Wait = serde_json::from_value(node).unwrap();
            node.faults().into_iter().map(|fault| fault.path).collect()
        };
        assert!(faults(json!({"for": 5})).is_empty());
        assert!(faults(json!({"for": "{{hours}}h"})).is_empty());
        assert!(faults(json!({"until": "{{date}}T09:00:00Z"})).is_empty());
        assert_eq!(faults(json!({})), [""]);
        assert_eq!(faults(json!({"for": 5, "until": "{{t}}"})), [""]);
        assert_eq!(faults(json!({"for": "soon"})), ["for"]);
        assert_eq!(faults(json!({"until": "tomorrow"})), ["until"]);
    }
}
