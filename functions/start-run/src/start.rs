//! A run is recorded before its execution starts, under one name: a run that was confirmed is never lost, and a
//! delivery that comes again is the same run.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use steps_catalogue::Catalogue;
use steps_executions::{ExecutionName, Executions};
use steps_problem::{Fault, Problem};
use steps_runs::{
    Begun, Credential, Ended, NewRun, NodeRecord, NodeStatus, RerunOf, RunStatus, Store,
    StoredWorkflow, Trigger, Turn,
};
use steps_secrets::WebhookSecrets;
use steps_workflow::{Kind, Plan, Workflow};
use uuid::Uuid;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct StartRun {
    pub(crate) store: Store,
    pub(crate) catalogue: Catalogue,
    pub(crate) executions: Executions,
    pub(crate) webhook_secrets: WebhookSecrets,
    /// Whether a run may be posted to http://localhost.
    pub(crate) local_callbacks: bool,
}

/// One delivery of a trigger.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// What delivered it.
    pub(crate) trigger: Trigger,
    /// What makes a repeated delivery the same run; `None` where every delivery is a run of its own.
    pub(crate) identity: Option<String>,
    /// Where the run is posted to once it has ended.
    pub(crate) callback_url: Option<String>,
    /// The run's input.
    pub(crate) input: Value,
}

/// Answers of an earlier run that a run takes over.
#[derive(Debug)]
pub(crate) struct Reuse<'a> {
    pub(crate) of: RerunOf,
    pub(crate) nodes: Vec<&'a NodeRecord>,
}

/// A run that goes on, or went on before.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) run_id: String,
    pub(crate) workflow_id: String,
    /// Whether an earlier delivery had started it.
    pub(crate) repeated: bool,
}

impl StartRun {
    /// Records the run and starts its execution.
    pub(crate) async fn start(
        &self,
        workflow_id: &str,
        delivery: &Delivery,
    ) -> Result<Started, Problem> {
        let started = self.start_in_turn(workflow_id, delivery, None).await?;
        started.ok_or_else(|| conflict(workflow_id))
    }

    /// The same for a run that takes a turn; `None` where another run took it first.
    pub(crate) async fn start_in_turn(
        &self,
        workflow_id: &str,
        delivery: &Delivery,
        turn: Option<&Turn<'_>>,
    ) -> Result<Option<Started>, Problem> {
        let document = self.store.workflow(workflow_id).await?;
        self.start_document(&document, delivery, turn, None).await
    }

    /// The same for a given version of a workflow, reusing answers of an earlier run where there are any to reuse.
    pub(crate) async fn start_document(
        &self,
        document: &StoredWorkflow,
        delivery: &Delivery,
        turn: Option<&Turn<'_>>,
        reuse: Option<&Reuse<'_>>,
    ) -> Result<Option<Started>, Problem> {
        let input = &delivery.input;
        if !input.is_object() {
            return Err(invalid_input(vec![Fault::at(
                "input",
                "the input has to be a JSON object: its fields are the templates' variables",
            )]));
        }
        let workflow = stored_workflow(&document.definition)?;
        workflow.check_input(input).map_err(invalid_input)?;
        if let Some(url) = &delivery.callback_url {
            self.check_callback(&workflow, url)?;
        }
        let known = self.store.credentials().await?;
        let credentials = credential_ids(&workflow, &known)?;
        let new_id = Uuid::now_v7().to_string();
        let started_at = Timestamp::now();
        if let Some(reuse) = reuse {
            // Before the run's record: a run that is found has them all.
            self.store
                .reuse_nodes(&reuse.of.run_id, &reuse.nodes, &new_id, started_at)
                .await?;
        }
        let begun = self
            .store
            .begin_run(&NewRun {
                id: &new_id,
                workflow_id: &document.id,
                version: document.version,
                definition: &document.definition,
                input,
                trigger: &delivery.trigger,
                identity: delivery.identity.as_deref(),
                callback_url: delivery.callback_url.as_deref(),
                turn,
                credentials: &credentials,
                started_at,
                deadline: deadline(&workflow, started_at),
                max_cost_usd: workflow.limits.max_cost_usd,
                max_cost_usd_per_day: workflow.limits.max_cost_usd_per_day,
                warnings: &self.catalogue.warnings(&workflow).await,
                rerun_of: reuse.map(|reuse| &reuse.of),
            })
            .await?;
        let run_id = match begun {
            Begun::New => new_id,
            Begun::Repeated(run_id) => {
                self.start_if_left_unstarted(&run_id).await?;
                return Ok(Some(Started {
                    run_id,
                    workflow_id: document.id.clone(),
                    repeated: true,
                }));
            }
            Begun::Overtaken => return Ok(None),
        };
        let plan = workflow
            .plan()
            .without(|id| reuse.is_some_and(|reuse| reuse.nodes.iter().any(|node| node.id == id)));
        if let Err(problem) = self.execute(&run_id, 1, &workflow, &plan).await {
            if let Some(identity) = &delivery.identity {
                // The sender will come again, and is then to get a run that runs.
                self.store.forget_identity(&document.id, identity).await?;
            }
            return Err(problem);
        }
        self.note_use(&known, &credentials).await;
        tracing::info!(
            run = run_id,
            workflow = document.id,
            trigger = delivery.trigger.kind,
            "started"
        );
        Ok(Some(Started {
            run_id,
            workflow_id: document.id.clone(),
            repeated: false,
        }))
    }

    /// The function may have died between recording the run and starting its execution.
    pub(crate) async fn start_if_left_unstarted(&self, run_id: &str) -> Result<(), Problem> {
        if self.store.run_head(run_id).await?.status != RunStatus::Running {
            return Ok(());
        }
        let (run, nodes) = self.store.run_with_nodes(run_id).await?;
        let workflow = stored_workflow(&run.definition)?;
        let name = ExecutionName {
            run_id,
            number: run.execution,
        };
        let plan = unfinished(&workflow, &nodes);
        let most = workflow.limits.max_concurrency;
        Ok(self.executions.start(&name, &plan, most).await?)
    }

    /// Starts the run's execution of this number; a run that cannot be started has failed.
    pub(crate) async fn execute(
        &self,
        run_id: &str,
        number: u32,
        workflow: &Workflow,
        plan: &Plan,
    ) -> Result<(), Problem> {
        let name = ExecutionName { run_id, number };
        let most = workflow.limits.max_concurrency;
        let Err(error) = self.executions.start(&name, plan, most).await else {
            return Ok(());
        };
        let problem = Problem::from(error);
        let ended = Ended::now(number, RunStatus::Failed, problem.clone());
        self.store.end_run(run_id, &ended).await?;
        Err(problem)
    }
}

/// The id of the credential behind each reference in the document, as it is at this moment.
pub(crate) fn credential_ids(
    workflow: &Workflow,
    known: &[Credential],
) -> Result<BTreeMap<String, String>, Problem> {
    let mut ids = BTreeMap::new();
    for node in &workflow.nodes {
        let Kind::OpenRouter(openrouter) = &node.kind;
        let reference = &openrouter.credential;
        let id = known
            .iter()
            .find(|known| known.id == *reference || known.name == *reference)
            .map(|known| known.id.clone())
            .ok_or_else(|| steps_runs::Error::NotFound {
                what: "credential",
                id: reference.clone(),
            })?;
        ids.insert(reference.clone(), id);
    }
    Ok(ids)
}

/// Another delivery changed the same record at the same moment.
pub(crate) fn conflict(workflow_id: &str) -> Problem {
    Problem::from(steps_runs::Error::Conflict {
        what: "workflow",
        id: workflow_id.to_owned(),
    })
}

/// When a run that starts, or goes on, at this moment is over.
pub(crate) fn deadline(workflow: &Workflow, at: Timestamp) -> Timestamp {
    let limit = i64::try_from(workflow.limits.timeout_seconds).unwrap_or(i64::MAX);
    at + SignedDuration::from_secs(limit)
}

/// The plan of what has no answer yet.
pub(crate) fn unfinished(workflow: &Workflow, nodes: &BTreeMap<String, NodeRecord>) -> Plan {
    workflow.plan().without(|id| {
        nodes
            .get(id)
            .is_some_and(|node| node.status == NodeStatus::Succeeded)
    })
}

pub(crate) fn stored_workflow(definition: &str) -> Result<Workflow, Problem> {
    Workflow::from_stored(definition).map_err(|_| {
        steps_runs::Error::Malformed {
            attribute: "definition",
        }
        .into()
    })
}

pub(crate) fn invalid_input(faults: Vec<Fault>) -> Problem {
    Problem::new(
        400,
        "InvalidInput",
        "Invalid Input",
        "the input does not fit the workflow; no run was started",
    )
    .solution(["Correct what `faults` names and send it again"])
    .faults(faults)
}
