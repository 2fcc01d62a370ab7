//! What finish-run is invoked with.

use serde::Deserialize;
use serde_json::Value;
use steps_problem::Problem;

/// An event, told by what it has.
#[derive(Debug)]
pub(crate) enum Event {
    /// `detail`: "Step Functions Execution Status Change", as EventBridge hands it over.
    Changed(Detail),
    /// `sweep`: by schedule.
    Sweep,
}

/// An execution as the event tells of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    /// The execution's name.
    pub(crate) name: String,
    pub(crate) status: String,
    /// Milliseconds since 1970.
    pub(crate) stop_date: Option<i64>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// `UnknownEvent` where it is none of these.
    pub(crate) fn read(event: &Value) -> Result<Self, Problem> {
        if let Some(sweep) = event.get("sweep") {
            return match sweep.as_str() {
                Some("runs") => Ok(Self::Sweep),
                _ => Err(unknown(format!(
                    "`sweep` can only be `runs`, and is {sweep}"
                ))),
            };
        }
        if let Some(detail) = event.get("detail") {
            let read = Detail::deserialize(detail);
            return read
                .map(Self::Changed)
                .map_err(|error| unknown(format!("its `detail` tells of no execution: {error}")));
        }
        Err(unknown("it has neither `detail` nor `sweep`"))
    }
}

fn unknown(what: impl std::fmt::Display) -> Problem {
    Problem::new(
        400,
        "UnknownEvent",
        "Unknown Event",
        format!("finish-run was invoked with an event that it cannot read: {what}"),
    )
    .solution([
        "Let EventBridge hand over \"Step Functions Execution Status Change\" as it is",
        "For a sweep send {\"sweep\": \"runs\"}",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_told_by_what_it_has() {
        let ended = json!({"source": "aws.states", "detail": {"name": "run", "status": "FAILED"}});
        assert!(matches!(Event::read(&ended), Ok(Event::Changed(_))));
        assert!(matches!(
            Event::read(&json!({"sweep": "runs"})),
            Ok(Event::Sweep)
        ));
    }

    #[test]
    fn an_event_that_is_none_of_these_is_a_problem_in_words() {
        for (event, cause) in [
            (json!({}), "neither `detail` nor `sweep`"),
            (json!("x"), "neither `detail` nor `sweep`"),
            (
                json!({"sweep": "nodes"}),
                "`sweep` can only be `runs`, and is \"nodes\"",
            ),
            (
                json!({"detail": {"status": "FAILED"}}),
                "its `detail` tells of no execution: missing field `name`",
            ),
        ] {
            let problem = Event::read(&event).unwrap_err();
            assert_eq!(problem.code, "UnknownEvent", "{event}");
            assert!(problem.cause.contains(cause), "{event}: {}", problem.cause);
        }
    }
}
