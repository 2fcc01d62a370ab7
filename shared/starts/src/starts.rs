//! The start itself. A run is recorded before its execution starts, under one name: a run that was confirmed is never
//! lost, and a delivery that comes again is the same run.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use steps_catalogue::Catalogue;
use steps_executions::{ExecutionName, Executions};
use steps_lanes::begin_take;
use steps_metrics::StartRefused;
use steps_problem::{Problem, short};
use steps_queue::start_waiting;
use steps_store::{
    Begun, Credential, Ended, Entry, Error, Gate, Manner, NewRun, OnFailure, Record, Reuse,
    RunStatus, Store, StoredWorkflow, Switch, Trigger, Turn, done,
};
use steps_workflow::{Keeps, MaxRuns, Then, Workflow};
use tokio::try_join;
use uuid::Uuid;

/// The kind of a trigger: another run has failed. A run that was started so starts nothing where it fails itself, so that a
/// chain of failures ends.
pub const FAILURE: &str = "failure";

/// How often a start tries to begin its run where others are at the same record at the same moment.
const TRIES: usize = 100;

/// Longest name of who sent a delivery, characters.
const LONGEST_SENDER: usize = 300;

/// How much longer than its caller waits for a run's end its texts are kept, where they are not to be kept.
const READ_WITHIN: SignedDuration = SignedDuration::from_secs(5);

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
    /// Who sent it, as costs are told by it: `token/<id>`, `webhook/<workflow>/<name>`, `schedule/<workflow>/<name>`,
    /// `source/<arn>`...
    pub started_by: Option<String>,
    /// What makes a repeated delivery the same run; `None` where every delivery is a run of its own.
    pub identity: Option<String>,
    /// What else makes a repeated delivery the same run: what its sender has signed, where the identity is not signed.
    pub twin: Option<String>,
    /// What a repeated delivery has to have again beside the identity; `None` where the identity says it all.
    pub fingerprint: Option<String>,
    /// How long its sender waits for the run's end.
    pub wait: Duration,
    /// Where the run is posted to once it has ended.
    pub callback_url: Option<String>,
    /// The run's input.
    pub input: Value,
}

impl Delivery {
    /// A delivery by an event: nobody waits for its run, and no caller is called back.
    pub fn event(trigger: Trigger, identity: String, input: Value) -> Self {
        Self {
            trigger,
            started_by: None,
            identity: Some(identity),
            twin: None,
            fingerprint: None,
            wait: Duration::ZERO,
            callback_url: None,
            input,
        }
    }

    /// The same, sent by this one.
    #[must_use]
    pub fn by(self, sender: &str) -> Self {
        Self {
            started_by: Some(short(sender, LONGEST_SENDER)),
            ..self
        }
    }
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
    /// Whether it came to its workflow's queue: it may have been let in since.
    pub queued: bool,
}

/// Why no run was started.
#[derive(Debug)]
pub enum NotStarted {
    /// Another delivery changed the same record at the same moment; where the run takes a turn, it took that.
    Overtaken {
        /// The workflow's id.
        workflow_id: String,
    },
    /// As many runs of the workflow go on as may, and its `limits.maxRuns` says `skip`.
    Skipped(Skipped),
    /// The workflow or the stack is switched off.
    Disabled(Box<Problem>),
    /// Anything else.
    Failed(Box<Problem>),
}

/// A start that its workflow's `limits.maxRuns` skips.
#[derive(Debug)]
pub struct Skipped {
    /// The workflow's id.
    pub workflow_id: String,
    /// How many runs of it go on.
    pub most: u32,
}

/// What becomes of a run for which there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There may be a place now.
    Made,
    /// It waits.
    Waits,
}

impl NotStarted {
    /// Whether nothing has failed: somebody has switched the workflow or the stack off, or `limits.maxRuns` skips it. Who brings
    /// an event need not bring it again.
    pub fn is_meant(&self) -> bool {
        matches!(self, Self::Skipped(_) | Self::Disabled(_))
    }
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
            NotStarted::Disabled(problem) | NotStarted::Failed(problem) => *problem,
            // Whoever can tell this apart does so before.
            NotStarted::Skipped(skipped) => Problem::new(
                409,
                "RunSkipped",
                "Run Skipped",
                format!(
                    "{} runs of the workflow `{}` go on, as many as its `limits.maxRuns` allows; it says `skip`, so no run was started",
                    skipped.most, skipped.workflow_id
                ),
            )
            .solution([
                "Nothing has to be done where a run that goes on is enough",
                "Else let further runs wait: `then: queue` in the workflow's `limits.maxRuns`",
            ]),
        }
    }
}

impl Starts {
    /// Checks the delivery against the document, records the run and starts its execution, or lets it wait for others of its
    /// workflow. A delivery that comes again is answered with the run that it started before.
    ///
    /// # Errors
    /// `InvalidInput`, `CallbackRefused`, `CredentialNotFound`, `ExecutionNotStarted` and what the store answers; see
    /// [`NotStarted`].
    pub async fn start(&self, start: Start<'_>) -> Result<Started, NotStarted> {
        let started = self.try_start(&start).await;
        let code = match &started {
            Err(NotStarted::Disabled(problem)) => &problem.code,
            Err(NotStarted::Skipped(_)) => "RunSkipped",
            _ => return started,
        };
        StartRefused {
            workflow: &start.document.id,
            code,
        }
        .write();
        started
    }

    async fn try_start(&self, start: &Start<'_>) -> Result<Started, NotStarted> {
        let Start {
            document,
            delivery,
            turn,
            reuse,
        } = *start;
        let workflow_id = &document.id;
        let input = &delivery.input;
        let workflow = document.document(Workflow::from_stored)?;
        let callback_url = delivery.callback_url.as_deref();
        workflow.check_start(input, callback_url, self.local_callbacks)?;
        let credentials = self.store.credentials();
        let ((), known) = try_join!(self.check_switches(workflow_id), async {
            Ok(credentials.list().await?)
        })?;
        let credentials = credential_ids(&workflow, &known)?;
        let on_failure = on_failure(&workflow, &delivery.trigger);
        let mut warnings = self.catalogue.warnings(&workflow).await;
        let vars = if workflow.names_vars() {
            let all = self.store.vars().values().await?;
            warnings.extend(workflow.unset_vars(&all));
            workflow.named_vars(&all)
        } else {
            None
        };
        let new_id = Uuid::now_v7().to_string();
        let max_runs = workflow.limits.max_runs;
        let mut waits = None;
        let mut begun = Begun::Overtaken;
        for _ in 0..TRIES {
            let started_at = Timestamp::now();
            let wait = SignedDuration::try_from(delivery.wait).unwrap_or_default();
            let manner = Manner {
                started_by: delivery.started_by.as_deref(),
                twin: delivery.twin.as_deref(),
                entry: max_runs.map(|max_runs| Entry {
                    most: max_runs.count,
                    waits,
                }),
                unkept_from: (workflow.store == Keeps::None)
                    .then_some(started_at + wait + READ_WITHIN),
            };
            let new = NewRun {
                id: &new_id,
                workflow_id,
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
                vars: vars.as_ref(),
                warnings: &warnings,
                reuse,
                manner,
            };
            begun = self.store.runs().begin(&new).await?;
            match (&begun, max_runs) {
                (Begun::Full(gate), Some(max_runs)) => {
                    let room = self.room(workflow_id, &new_id, &max_runs, gate).await?;
                    if room == Room::Waits {
                        waits = Some(workflow.limits.timeout_seconds);
                    }
                }
                (Begun::Repeated(run_id), _) => {
                    match self.start_if_left_unstarted(run_id).await {
                        // The table has dropped the run's record, and the identity's not yet.
                        Err(problem) if problem.code == Record::Run.code().0 => {
                            self.forget(workflow_id, delivery, run_id).await?;
                        }
                        left => {
                            left?;
                            break;
                        }
                    }
                }
                _ => break,
            }
        }
        let (run_id, repeated) = match begun {
            Begun::New => (new_id, false),
            Begun::Repeated(run_id) => (run_id, true),
            Begun::Differs => return Err(key_reused().into()),
            Begun::Overtaken | Begun::Full(_) => {
                return Err(NotStarted::Overtaken {
                    workflow_id: workflow_id.clone(),
                });
            }
        };
        let started = Started {
            run_id,
            workflow_id: workflow_id.clone(),
            repeated,
            queued: waits.is_some(),
        };
        if repeated {
            return Ok(started);
        }
        let run_id = &started.run_id;
        if started.queued {
            self.start_waiting(workflow_id).await;
        } else {
            let reused = reuse.map_or(&[][..], |reuse| &reuse.nodes);
            let done = reused.iter().map(|node| node.id.as_str()).collect();
            let identity = delivery.identity.as_deref();
            let forget = identity.map(|identity| (workflow_id.as_str(), identity));
            if let Err(problem) = self.execute(run_id, 1, &workflow, &done, forget).await {
                self.forget(workflow_id, delivery, run_id).await?;
                return Err(problem.into());
            }
        }
        self.store
            .credentials()
            .note_use(&known, &credentials)
            .await;
        tracing::info!(
            run = run_id,
            workflow = workflow_id,
            trigger = delivery.trigger.kind,
            queued = started.queued,
            "started"
        );
        Ok(started)
    }

    /// Forgets that this delivery started this run.
    async fn forget(
        &self,
        workflow_id: &str,
        delivery: &Delivery,
        run_id: &str,
    ) -> Result<(), Error> {
        let identities = delivery.identity.iter().chain(&delivery.twin);
        for identity in identities {
            let runs = self.store.runs();
            runs.forget(workflow_id, identity, run_id).await?;
        }
        Ok(())
    }

    /// Checks that neither the workflow nor the stack is switched off.
    ///
    /// # Errors
    /// [`NotStarted::Disabled`], and what the store answers.
    pub async fn check_switches(&self, workflow_id: &str) -> Result<(), NotStarted> {
        let (workflow, stack) = self.store.switches().of_both(workflow_id).await?;
        let problem = if !stack.enabled {
            Problem::new(
                403,
                "StartsDisabled",
                "Starts Disabled",
                said(
                    "no run of any workflow may start at present: the stack is switched off",
                    &stack,
                ),
            )
            .solution(["Switch the stack on: PUT /switch {\"enabled\": true}"])
        } else if !workflow.enabled {
            Problem::new(
                403,
                "WorkflowDisabled",
                "Workflow Disabled",
                said(
                    &format!("no run of the workflow `{workflow_id}` may start at present: it is switched off"),
                    &workflow,
                ),
            )
            .solution([format!(
                "Switch the workflow on: PUT /workflows/{workflow_id}/switch {{\"enabled\": true}}"
            )])
        } else {
            return Ok(());
        };
        Err(NotStarted::Disabled(Box::new(problem)))
    }

    /// Does what the workflow's `limits.maxRuns` says where there was no place for a run: it may be tried again, or waits.
    ///
    /// # Errors
    /// [`NotStarted::Skipped`], and what AWS answers.
    pub async fn room(
        &self,
        workflow_id: &str,
        run_id: &str,
        max_runs: &MaxRuns,
        gate: &Gate,
    ) -> Result<Room, NotStarted> {
        if max_runs.then == Then::Queue {
            return Ok(Room::Waits);
        }
        let gates = self.store.gates();
        if gates.heal(workflow_id, &gate.places).await? {
            return Ok(Room::Made);
        }
        if gate.places.len() < max_runs.count as usize {
            // Runs wait that nobody has let in: they come first.
            self.start_waiting(workflow_id).await;
            return Ok(Room::Made);
        }
        if max_runs.then == Then::Skip {
            return Err(NotStarted::Skipped(Skipped {
                workflow_id: workflow_id.to_owned(),
                most: max_runs.count,
            }));
        }
        if let Some(oldest) = gate.places.first() {
            let why = format!(
                "another run of the workflow was asked for, and `limits.maxRuns` lets it replace this one: run {run_id} goes on"
            );
            let ended = Ended::cancelled(oldest.execution, &why);
            self.store.runs().end(&oldest.run_id, &ended).await?;
            gates.leave(workflow_id, oldest).await?;
            let name = ExecutionName {
                run_id: &oldest.run_id,
                number: oldest.execution,
            };
            self.executions
                .stop(&name, &why)
                .await
                .map_err(Problem::from)?;
        }
        Ok(Room::Made)
    }

    /// Starts those of the workflow's runs that wait and for which there is a place. Where that fails, the sweep does it.
    pub async fn start_waiting(&self, workflow_id: &str) {
        let started = start_waiting(&self.store, &self.executions, workflow_id).await;
        if let Err(problem) = started {
            let problem = problem.redacted();
            tracing::warn!(
                workflow = workflow_id,
                code = problem.code,
                cause = problem.cause,
                "runs that wait are left to the sweep"
            );
        }
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
        self.store.gates().left(run_id, number).await?;
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

/// These words, and why it was switched off.
fn said(what: &str, switch: &Switch) -> String {
    match &switch.reason {
        Some(reason) => format!("{what} ({reason})"),
        None => what.to_owned(),
    }
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
