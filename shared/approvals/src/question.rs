//! A question that waits for a person, and its decision.

use jiff::Timestamp;
use serde_json::{Value, json};
use steps_key::redact;
use steps_lanes::{Tokens, tell};
use steps_nodes::{Asks, BY_TIMEOUT, Decision, own_message};
use steps_problem::Problem;
use steps_store::{NodeRecord, NodeStatus, RunStatus, Store, Waiting};

/// Most characters of a comment.
const LONGEST_COMMENT: usize = 1000;

/// What was decided, as it was sent.
#[derive(Debug)]
pub struct Given {
    /// Whether it is approved.
    pub approved: bool,
    /// What whoever decided has to say.
    pub comment: Option<String>,
    /// The data in place of the node's.
    pub data: Option<Value>,
    /// Who decides.
    pub by: String,
}

/// A question of a node of a run that goes on.
#[derive(Debug, Clone)]
pub struct Question {
    /// The run.
    pub run_id: String,
    /// The node, or the item of its list.
    pub unit: String,
    /// What is asked.
    pub asks: Asks,
    /// Since when.
    pub since: Timestamp,
    /// Until when at the latest: its own time limit, or that of its run.
    pub until: Option<Timestamp>,
    /// The message by which it is decided.
    message: String,
}

impl Question {
    /// The question of this record, where it waits for a decision.
    pub fn of(run_id: &str, record: &NodeRecord) -> Option<Self> {
        let waits =
            record.status == NodeStatus::Waiting && record.waiting == Some(Waiting::Approval);
        let pause = record.pause.as_ref().filter(|_| waits)?;
        Some(Self {
            run_id: run_id.to_owned(),
            unit: record.id.clone(),
            asks: serde_json::from_value(pause.shown.clone()?).ok()?,
            since: pause.since,
            until: record.wait_until,
            message: pause.awaits.clone()?,
        })
    }

    /// The question of this unit. It has to wait; with `take`, since that take of the run.
    ///
    /// # Errors
    /// `RunNotFound`; `RunEnded` where the run does not go on; `NotAsked` where nothing is asked; `ApprovalDecided`.
    pub async fn find(
        store: &Store,
        run_id: &str,
        unit: &str,
        take: Option<u32>,
    ) -> Result<Self, Problem> {
        let head = store.runs().head(run_id).await?;
        if head.status != RunStatus::Running {
            return Err(goes_not_on(head.status.as_str()));
        }
        let nodes = store.nodes();
        let Some(record) = nodes.get(run_id, unit).await? else {
            return Err(not_asked());
        };
        let wanted = take.map(|take| own_message(unit, take));
        let question = Self::of(run_id, &record).filter(|question| {
            wanted
                .as_ref()
                .is_none_or(|wanted| *wanted == question.message)
        });
        let Some(question) = question else {
            return Err(match record.status {
                NodeStatus::Succeeded | NodeStatus::Failed => decided(None),
                // Somebody may have decided, and the node has not gone on yet.
                _ => not_asked(),
            });
        };
        Ok(question)
    }

    /// Whether nobody has decided it yet.
    ///
    /// # Errors
    /// `ApprovalDecided`.
    pub async fn check_open(&self, store: &Store) -> Result<(), Problem> {
        let before = store.nodes().message(&self.run_id, &self.message).await?;
        match before {
            Some(before) => Err(decided(serde_json::from_value(before.value).ok())),
            None => Ok(()),
        }
    }

    /// Decides it, where nobody has, and lets the node go on.
    ///
    /// # Errors
    /// `ApprovalDecided` where somebody else was faster; `InvalidRequest` for data that cannot be changed.
    pub async fn decide(
        &self,
        store: &Store,
        tokens: &impl Tokens,
        given: Given,
    ) -> Result<Decision, Problem> {
        if given.data.is_some() && !self.asks.editable {
            let cause = "the node's data cannot be changed: it does not say `editable: true`";
            return Err(
                Problem::new(400, "InvalidRequest", "Invalid Request", cause)
                    .solution(["Leave `data` out"]),
            );
        }
        let comment = given.comment.filter(|comment| !comment.trim().is_empty());
        let decision = Decision {
            approved: given.approved,
            comment: comment
                .map(|comment| redact(&comment).chars().take(LONGEST_COMMENT).collect()),
            data: given.data.filter(|_| given.approved),
            by: given.by,
            at: Timestamp::now(),
        };
        let nodes = store.nodes();
        let (run, name) = (&self.run_id, &self.message);
        let is_first = tell(store, tokens, run, name, &json!(decision)).await?;
        if !is_first {
            let before = nodes.message(run, name).await?;
            return Err(decided(
                before.and_then(|before| serde_json::from_value(before.value).ok()),
            ));
        }
        tracing::info!(
            run,
            node = self.unit,
            approved = decision.approved,
            by = decision.by,
            "decided"
        );
        Ok(decision)
    }

    /// The take of the run in which it was asked first: links name it.
    pub fn take(&self) -> Option<u32> {
        self.message.rsplit('/').next()?.parse().ok()
    }
}

fn goes_not_on(status: &str) -> Problem {
    let cause =
        format!("the run is {status}: what waits in it can only be decided while it is RUNNING");
    Problem::new(409, "RunEnded", "Run Ended", cause).solution([
        "Where it failed: resume it with POST /runs/{id}/resume, then decide",
        "Else nothing has to be done: the run does not go on",
    ])
}

fn not_asked() -> Problem {
    Problem::new(
        409,
        "NotAsked",
        "Not Asked",
        "the node does not wait for a decision now",
    )
    .solution([
        "Look how the node stands: GET /runs/{id}/nodes/{node}",
        "List what waits for a decision: GET /approvals",
    ])
}

fn decided(before: Option<Decision>) -> Problem {
    let cause = match before {
        Some(decision) => {
            let word = if decision.approved {
                "approved"
            } else {
                "rejected"
            };
            let by = match decision.by.as_str() {
                BY_TIMEOUT => "because nobody had decided in time".to_owned(),
                by => format!("by `{by}`"),
            };
            format!("it was {word} before, {by}, at {:.3}", decision.at)
        }
        None => "it was decided before".to_owned(),
    };
    Problem::new(409, "ApprovalDecided", "Approval Decided", cause)
        .solution(["Nothing has to be done: the first decision counts"])
}
