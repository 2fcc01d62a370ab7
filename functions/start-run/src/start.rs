//! A run is recorded before its execution starts, under one name: a run that was confirmed is never lost, and a
//! delivery that comes again is the same run.

use std::collections::BTreeMap;

use aws_sdk_sfn::error::ProvideErrorMetadata;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use steps_catalogue::Catalogue;
use steps_problem::{Fault, Problem};
use steps_runs::{Begun, Credential, Ended, NewRun, RunError, RunStatus, Store, Trigger, Turn};
use steps_secrets::WebhookSecrets;
use steps_workflow::{Kind, Workflow};
use uuid::Uuid;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct StartRun {
    pub(crate) store: Store,
    pub(crate) catalogue: Catalogue,
    pub(crate) step_functions: aws_sdk_sfn::Client,
    pub(crate) state_machine_arn: String,
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

/// A run that goes on, or went on before.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) run_id: String,
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
        let input = &delivery.input;
        if !input.is_object() {
            return Err(invalid_input(vec![Fault::at(
                "input",
                "the input has to be a JSON object: its fields are the templates' variables",
            )]));
        }
        let stored = self.store.workflow(workflow_id).await?;
        let workflow = stored_workflow(&stored.definition)?;
        workflow.check_input(input).map_err(invalid_input)?;
        if let Some(url) = &delivery.callback_url {
            self.check_callback(&workflow, url)?;
        }
        let known = self.store.credentials().await?;
        let credentials = credential_ids(&workflow, &known)?;
        let new_id = Uuid::now_v7().to_string();
        let started_at = Timestamp::now();
        let limit = i64::try_from(workflow.limits.timeout_seconds).unwrap_or(i64::MAX);
        let begun = self
            .store
            .begin_run(&NewRun {
                id: &new_id,
                workflow_id: &stored.id,
                version: stored.version,
                definition: &stored.definition,
                input,
                trigger: &delivery.trigger,
                identity: delivery.identity.as_deref(),
                callback_url: delivery.callback_url.as_deref(),
                turn,
                credentials: &credentials,
                started_at,
                deadline: started_at + SignedDuration::from_secs(limit),
                max_cost_usd: workflow.limits.max_cost_usd,
                warnings: &self.catalogue.warnings(&workflow).await,
            })
            .await?;
        let run_id = match begun {
            Begun::New => new_id,
            Begun::Repeated(run_id) => {
                self.start_if_left_unstarted(&run_id).await?;
                return Ok(Some(Started {
                    run_id,
                    repeated: true,
                }));
            }
            Begun::Overtaken => return Ok(None),
        };
        if let Err(problem) = self.execute(&run_id, &workflow).await {
            let ended = Ended {
                status: RunStatus::Failed,
                at: Timestamp::now(),
                error: Some(RunError {
                    problem: problem.clone(),
                    node: None,
                }),
            };
            self.store.end_run(&run_id, &ended).await?;
            if let Some(identity) = &delivery.identity {
                // The sender will come again, and is then to get a run that runs.
                self.store.forget_identity(workflow_id, identity).await?;
            }
            return Err(problem);
        }
        self.note_use(&known, &credentials).await;
        tracing::info!(
            run = run_id,
            workflow = stored.id,
            trigger = delivery.trigger.kind,
            "started"
        );
        Ok(Some(Started {
            run_id,
            repeated: false,
        }))
    }

    /// The function may have died between recording the run and starting its execution.
    async fn start_if_left_unstarted(&self, run_id: &str) -> Result<(), Problem> {
        let run = self.store.run(run_id).await?;
        if run.status == RunStatus::Running {
            let workflow = stored_workflow(&run.definition)?;
            self.execute(run_id, &workflow).await?;
        }
        Ok(())
    }

    async fn execute(&self, run_id: &str, workflow: &Workflow) -> Result<(), Problem> {
        let execution = json!({
            "runId": run_id,
            "maxConcurrency": workflow.limits.max_concurrency,
            "levels": workflow.plan().levels,
        });
        let started = self
            .step_functions
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(run_id)
            .input(execution.to_string())
            .send()
            .await;
        match started {
            Ok(_) => Ok(()),
            // A repeated start is the same run.
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(()),
            Err(error) => {
                let reason = error
                    .code()
                    .map_or_else(|| error.to_string(), str::to_owned);
                Err(Problem::new(
                    503,
                    "ExecutionNotStarted",
                    "Execution Not Started",
                    format!("Step Functions did not start the run's execution: {reason}"),
                )
                .solution([
                    "Start the run again in a few seconds",
                    "Where it stays: deploy the template again, and look at the account's Step Functions quotas",
                ])
                .retryable(true))
            }
        }
    }
}

/// The id of the credential behind each reference in the document, as it is at this moment.
fn credential_ids(
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

fn stored_workflow(definition: &str) -> Result<Workflow, Problem> {
    Workflow::from_stored(definition).map_err(|_| {
        steps_runs::Error::Malformed {
            attribute: "definition",
        }
        .into()
    })
}

fn invalid_input(faults: Vec<Fault>) -> Problem {
    Problem::new(
        400,
        "InvalidInput",
        "Invalid Input",
        "the input does not fit the workflow; no run was started",
    )
    .solution(["Correct what `faults` names and send it again"])
    .faults(faults)
}
