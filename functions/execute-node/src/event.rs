//! What execute-node is invoked with.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use steps_problem::Problem;

/// An event, told by what it has.
#[derive(Debug)]
pub(crate) enum Event {
    /// `token`: a task of a lane of a run, from `run-workflow.asl.yaml`.
    OfLane(LaneTask),
    /// `nodeId`: a node of a recorded run. So the state machine of earlier releases asks, whose executions may still go on.
    OfRun(NodeOfRun),
    /// `recover`: by schedule. OpenRouter is asked what calls cost whose answer did not say.
    Costs,
    /// `watch`: by schedule. OpenRouter is asked how much is left of the keys that were used within a day.
    Credit,
    /// `node`: a node that is written inline in someone's own state machine.
    Inline(InlineNode),
}

/// A task of a lane.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LaneTask {
    pub(crate) run_id: String,
    /// 1, and one more each time the run is resumed.
    pub(crate) take: u32,
    /// The number of the lane, from 1.
    pub(crate) lane: u8,
    /// The node; absent where the lane has yet to find one.
    pub(crate) unit: Option<String>,
    /// Whether the node is listed as READY.
    #[serde(default)]
    pub(crate) listed: bool,
    /// The node before, whose READY record can go now.
    #[serde(default)]
    pub(crate) was: Option<String>,
    /// The task's token.
    pub(crate) token: String,
    /// The part of the take; absent in executions of earlier releases, as are the next two.
    #[serde(default = "first")]
    pub(crate) part: u32,
    /// How many lanes the execution has.
    #[serde(default)]
    pub(crate) of: u8,
    /// How many tasks the lane had before.
    #[serde(default)]
    pub(crate) tasks: Option<u32>,
    /// When the task began, and how many times it was tried before: a later call of the lane is greater, as text.
    pub(crate) call: String,
}

impl LaneTask {
    /// How many times the task was tried before.
    pub(crate) fn retries(&self) -> u32 {
        let retries = self.call.rsplit_once('#');
        retries.map_or(0, |(_, retries)| retries.parse().unwrap_or_default())
    }
}

/// A node of a run, and what has to be read for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeOfRun {
    pub(crate) run_id: String,
    /// The number of the run's execution that this is a task of.
    #[serde(default = "first")]
    pub(crate) execution: u32,
    pub(crate) node_id: String,
    /// The nodes whose variables its templates name.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
}

/// A node that no run has, and what its templates see.
#[derive(Debug, Deserialize)]
pub(crate) struct InlineNode {
    /// One node, as in a workflow document.
    pub(crate) node: Value,
    /// What its templates see.
    #[serde(default)]
    pub(crate) context: Map<String, Value>,
    /// 1 for the first call; one more for each call after a WAIT.
    #[serde(default = "first")]
    pub(crate) attempt: u32,
}

fn first() -> u32 {
    1
}

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// `UnknownEvent` where it is none of these.
    pub(crate) fn read(event: &Value) -> Result<Self, Problem> {
        if let Some(recover) = event.get("recover") {
            return match recover.as_str() {
                Some("costs") => Ok(Self::Costs),
                _ => Err(unknown(format!(
                    "`recover` can only be `costs`, and is {recover}"
                ))),
            };
        }
        if let Some(watch) = event.get("watch") {
            return match watch.as_str() {
                Some("credit") => Ok(Self::Credit),
                _ => Err(unknown(format!(
                    "`watch` can only be `credit`, and is {watch}"
                ))),
            };
        }
        if event.get("node").is_some() {
            return fields(event, "a node of its own").map(Self::Inline);
        }
        if event.get("token").is_some() {
            return fields(event, "a task of a lane").map(Self::OfLane);
        }
        if event.get("runId").is_some() {
            return fields(event, "a node of a run").map(Self::OfRun);
        }
        Err(unknown(
            "it has neither `node` nor `runId` nor `recover` nor `watch`",
        ))
    }
}

fn fields<T: DeserializeOwned>(event: &Value, what: &str) -> Result<T, Problem> {
    T::deserialize(event).map_err(|error| unknown(format!("as {what} it has a fault: {error}")))
}

fn unknown(what: impl std::fmt::Display) -> Problem {
    Problem::new(
        400,
        "UnknownEvent",
        "Unknown Event",
        format!("execute-node was invoked with an event that it cannot read: {what}"),
    )
    .solution([
        "In your own state machine, send {\"node\": {...}, \"context\": {...}, \"attempt\": 1}",
        "For a node of a run, let the state machine of the template send the task as it is",
        "To ask for costs, send {\"recover\": \"costs\"}; for what is left of keys, {\"watch\": \"credit\"}",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_told_by_what_it_has() {
        let of_run = json!({"runId": "r", "nodeId": "n"});
        let Ok(Event::OfRun(node)) = Event::read(&of_run) else {
            panic!("a node of a run")
        };
        assert_eq!((node.execution, node.needs.len()), (1, 0));
        let Ok(Event::Inline(inline)) = Event::read(&json!({"node": {}})) else {
            panic!("a node of its own")
        };
        assert_eq!((inline.attempt, inline.context.len()), (1, 0));
        assert!(matches!(
            Event::read(&json!({"recover": "costs"})),
            Ok(Event::Costs)
        ));
        assert!(matches!(
            Event::read(&json!({"watch": "credit"})),
            Ok(Event::Credit)
        ));
    }

    #[test]
    fn a_task_of_every_released_state_machine_is_read() {
        // Executions keep the definition with which they began.
        let of_lanes = json!({
            "runId": "r", "take": 1, "lane": 2, "unit": null, "listed": true, "was": null,
            "token": "t", "call": "2026-11-23T00:00:00.000Z#0003",
        });
        let Ok(Event::OfLane(task)) = Event::read(&of_lanes) else {
            panic!("a task of a lane")
        };
        assert_eq!((task.part, task.of, task.tasks), (1, 0, None));
        assert_eq!(task.retries(), 3);
        let mut of_part = of_lanes;
        of_part["part"] = json!(4);
        of_part["of"] = json!(40);
        of_part["tasks"] = json!(17);
        let Ok(Event::OfLane(task)) = Event::read(&of_part) else {
            panic!("a task of a lane of a part")
        };
        assert_eq!((task.part, task.of, task.tasks), (4, 40, Some(17)));
        let of_levels = json!({"runId": "r", "execution": 2, "nodeId": "n", "needs": ["a"]});
        let Ok(Event::OfRun(node)) = Event::read(&of_levels) else {
            panic!("a node of a run")
        };
        assert_eq!((node.execution, node.needs.len()), (2, 1));
    }

    #[test]
    fn an_event_that_is_none_of_these_is_a_problem_in_words() {
        for (event, cause) in [
            (
                json!({}),
                "neither `node` nor `runId` nor `recover` nor `watch`",
            ),
            (
                json!(null),
                "neither `node` nor `runId` nor `recover` nor `watch`",
            ),
            (
                json!({"recover": "runs"}),
                "`recover` can only be `costs`, and is \"runs\"",
            ),
            (
                json!({"runId": "r"}),
                "as a node of a run it has a fault: missing field `nodeId`",
            ),
            (
                json!({"node": {}, "attempt": "2"}),
                "as a node of its own it has a fault: ",
            ),
        ] {
            let problem = Event::read(&event).unwrap_err();
            assert_eq!(problem.code, "UnknownEvent", "{event}");
            assert!(problem.cause.contains(cause), "{event}: {}", problem.cause);
        }
    }
}
