//! The start itself. A run is recorded before its execution starts, under one name: a run that was confirmed is never
//! lost, and a delivery that comes again is the same run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use steps_catalogue::Catalogue;
use steps_executions::{ExecutionName, Executions};
use steps_lanes::begin_take;
use steps_problem::Problem;
use steps_store::{
    Begun, Credential, Error, NewRun, OnFailure, Reuse, RunStatus, Store, StoredWorkflow, Trigger,
    Turn, done,
};
use steps_workflow::Workflow;
use uuid::Uuid;

/// The kind of a trigger: another run has failed. A run that was started so starts nothing where it fails itself, so that a
/// chain of failures ends.
pub const FAILURE: &str = "failure";

/// What runs are started with.
#[derive(Debug)]
pub struct Starts {
    /// Where runs are recorded.
    pub store: Store,
    /// The models, for a run's warnings.
    pub catalogue: Catalogue,
    /// Where runs are executed.
    pub executions: Executions,
    /// Whether a run may be posted to http://localhost.
    pub local_callbacks: bool,
}

/// A delivery: what one request, event or firing asks a run to be started with.
#[derive(Debug)]
pub struct Delivery {
    /// What delivered it.
    pub trigger: Trigger,
    /// What makes a repeated delivery the same run; `None` where every delivery is a run of its own.
    pub identity: Option<String>,
    /// What a repeated delivery has to have again beside the identity; `None` where the identity says it all.
    pub fingerprint: Option<String>,
    /// Where the run is posted to once it has ended.
    pub callback_url: Option<String>,
    /// The run's input.
    pub input: Value,
}

/// A start that is asked for.
#[derive(Debug)]
pub struct Start<'a> {
    /// The workflow's version that is to run.
    pub document: &'a StoredWorkflow,
    /// What asks for the run.
    pub delivery: &'a Delivery,
    /// The turn that the run takes in a schedule whose runs do not overlap.
    pub turn: Option<&'a Turn<'a>>,
    /// The answers that it takes over from an earlier run.
    pub reuse: Option<&'a Reuse<'a>>,
}

impl<'a> Start<'a> {
    /// A start by itself: no turn, nothing reused.
    pub fn new(document: &'a StoredWorkflow, delivery: &'a Delivery) -> Self {
        Self {
            document,
            delivery,
            turn: None,
            reuse: None,
        }
    }
}

/// A run that goes on, or went on before.
#[derive(Debug)]
pub struct Started {
    /// The run's id.
    pub run_id: String,
    /// The workflow's id.
    pub workflow_id: String,
    /// Whether an earlier delivery had started it.
    pub repeated: bool,
}

/// Why no run was started.
#[derive(Debug)]
pub enum NotStarted {
    /// Another delivery changed the same record at the same moment; where the run takes a turn, it took that.
    Overtaken {
        /// The workflow's id.
        workflow_id: String,
    },
    /// Anything else.
    Failed(Box<Problem>),
}

impl From<Problem> for NotStarted {
    fn from(problem: Problem) -> Self {
        Self::Failed(Box::new(problem))
    }
}

impl From<Error> for NotStarted {
    fn from(error: Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<NotStarted> for Problem {
    fn from(reason: NotStarted) -> Self {
        match reason {
            NotStarted::Overtaken { workflow_id } => Error::overtaken(&workflow_id).into(),
            NotStarted::Failed(problem) => *problem,
        }
    }
}

impl Starts {
    /// Checks the delivery against the document, records the run and starts its execution. A delivery that comes again
    /// is answered with the run that it started before.
    ///
    /// # Errors
    /// `InvalidInput`, `CallbackRefused`, `CredentialNotFound`, `ExecutionNotStarted` and what the store answers; see
    /// [`NotStarted`].
    pub async fn start(
        &self,
        Start {
            document,
            delivery,
            turn,
            reuse,
        }: Start<'_>,
    ) -> Result<Started, NotStarted> {
        let input = &delivery.input;
        let workflow = document.document(Workflow::from_stored)?;
        let callback_url = delivery.callback_url.as_deref();
        workflow.check_start(input, callback_url, self.local_callbacks)?;
        let known = self.store.credentials().list().await?;
        let credentials = credential_ids(&workflow, &known)?;
        let on_failure = on_failure(&workflow, &delivery.trigger);
        let new_id = Uuid::now_v7().to_string();
        let started_at = Timestamp::now();
        let begun = self
            .store
            .runs()
            .begin(&NewRun {
                id: &new_id,
                workflow_id: &document.id,
                version: document.version,
                definition: &document.definition,
                input,
                trigger: &delivery.trigger,
                identity: delivery.identity.as_deref(),
                fingerprint: delivery.fingerprint.as_deref(),
                callback_url,
                on_failure: on_failure.as_ref(),
                turn,
                credentials: &credentials,
                started_at,
                deadline: deadline(&workflow, started_at),
                max_cost_usd: workflow.limits.max_cost_usd,
                max_cost_usd_per_day: workflow.limits.max_cost_usd_per_day,
                warnings: &self.catalogue.warnings(&workflow).await,
                reuse,
            })
            .await?;
        let run_id = match begun {
            Begun::New => new_id,
            Begun::Repeated(run_id) => {
                self.start_if_left_unstarted(&run_id).await?;
                return Ok(Started {
                    run_id,
                    workflow_id: document.id.clone(),
                    repeated: true,
                });
            }
            Begun::Differs => return Err(key_reused().into()),
            Begun::Overtaken => {
                return Err(NotStarted::Overtaken {
                    workflow_id: document.id.clone(),
                });
            }
        };
        let reused = reuse.map_or(&[][..], |reuse| &reuse.nodes);
        let done = reused.iter().map(|node| node.id.as_str()).collect();
        let identity = delivery.identity.as_deref();
        let forget = identity.map(|identity| (document.id.as_str(), identity));
        self.execute(&run_id, 1, &workflow, &done, forget).await?;
        self.store
            .credentials()
            .note_use(&known, &credentials)
            .await;
        tracing::info!(
            run = run_id,
            workflow = document.id,
            trigger = delivery.trigger.kind,
            "started"
        );
        Ok(Started {
            run_id,
            workflow_id: document.id.clone(),
            repeated: false,
        })
    }

    /// Starts the execution of a run that goes on where there is none: the function may have died between recording the
    /// run and starting it.
    pub async fn start_if_left_unstarted(&self, run_id: &str) -> Result<(), Problem> {
        if self.store.runs().head(run_id).await?.status != RunStatus::Running {
            return Ok(());
        }
        let (run, nodes) = self.store.nodes().of_run(run_id).await?;
        let workflow = run.document(Workflow::from_stored)?;
        let name = ExecutionName {
            run_id,
            number: run.execution,
        };
        if self.executions.find(&name).await?.is_some() {
            return Ok(());
        }
        self.take(&name, &workflow, &done(&nodes)).await
    }

    /// Starts the run's execution of this number where other nodes are `done`; a run that cannot be started has failed.
    /// `forget` is the workflow's id and the delivery's identity, which is forgotten then: the sender will come again, and is
    /// to get a run that runs.
    pub async fn execute(
        &self,
        run_id: &str,
        number: u32,
        workflow: &Workflow,
        done: &BTreeSet<&str>,
        forget: Option<(&str, &str)>,
    ) -> Result<(), Problem> {
        let name = ExecutionName { run_id, number };
        let Err(problem) = self.take(&name, workflow, done).await else {
            return Ok(());
        };
        self.store
            .runs()
            .not_started(run_id, number, &problem, forget)
            .await?;
        Err(problem)
    }

    async fn take(
        &self,
        name: &ExecutionName<'_>,
        workflow: &Workflow,
        done: &BTreeSet<&str>,
    ) -> Result<(), Problem> {
        begin_take(&self.store.lanes(), &self.executions, name, workflow, done).await
    }
}

/// What is done where the run fails; `None` where nothing is.
fn on_failure(workflow: &Workflow, trigger: &Trigger) -> Option<OnFailure> {
    let asked = workflow.on_failure.as_ref()?;
    (trigger.kind != FAILURE).then(|| OnFailure {
        workflow: asked.workflow.clone(),
        event: asked.event,
    })
}

/// It says nothing of the run that the id belongs to: that may be somebody else's.
fn key_reused() -> Problem {
    Problem::new(
        422,
        "IdempotencyKeyReused",
        "Idempotency Key Reused",
        "an earlier request had the same idempotency key and another body or `callbackUrl`; no run was started",
    )
    .solution([
        "For another request, send another key, such as a new UUID",
        "To repeat a request, send it again as it was, byte for byte",
    ])
}

/// The id of the credential behind each reference in the document, as it is at this moment.
///
/// # Errors
/// `CredentialNotFound` where a reference names none of `known`.
pub fn credential_ids(
    workflow: &Workflow,
    known: &[Credential],
) -> Result<BTreeMap<String, String>, Problem> {
    let mut ids = BTreeMap::new();
    for node in &workflow.nodes {
        for (_, reference) in node.kind.credentials() {
            let credential = Credential::find(known, reference)?;
            ids.insert(reference.to_owned(), credential.id.clone());
        }
    }
    Ok(ids)
}

/// When a run that starts, or goes on, at this moment is over.
pub fn deadline(workflow: &Workflow, at: Timestamp) -> Timestamp {
    let limit = i64::try_from(workflow.limits.timeout_seconds).unwrap_or(i64::MAX);
    at + SignedDuration::from_secs(limit)
}
