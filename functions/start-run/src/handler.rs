//! A run is recorded before its execution starts, under one name: a run that the API has confirmed is never lost.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sfn::error::ProvideErrorMetadata;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};
use steps_runs::{Ended, NewRun, RunError, RunStatus, Store, StoredWorkflow};
use steps_workflow::{Kind, Workflow};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct StartRun {
    pub(crate) store: Store,
    pub(crate) step_functions: aws_sdk_sfn::Client,
    pub(crate) state_machine_arn: String,
}

/// Longest `?wait=`, seconds: API Gateway gives up after 30.
const LONGEST_WAIT: u64 = 25;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRunBody {
    #[serde(default)]
    input: Option<Value>,
}

impl StartRun {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let (method, path) = request.route();
        let (workflow, trigger, input) = match (method, path.as_slice()) {
            ("POST", ["workflows", id, "runs"]) => {
                let input = match request.has_body() {
                    true => request.json::<NewRunBody>()?.input,
                    false => None,
                };
                (id, "api", input)
            }
            ("POST", ["hooks", id]) => {
                let input = match request.has_body() {
                    true => Some(request.json()?),
                    false => None,
                };
                (id, "webhook", input)
            }
            _ => return Err(request.no_route()),
        };
        let wait = request.number("wait", 0..=LONGEST_WAIT, 0)?;
        let input = input.unwrap_or_else(|| json!({}));
        if !input.is_object() {
            return Err(invalid_input(vec![Fault::at(
                "input",
                "the input has to be a JSON object: its fields are the templates' variables",
            )]));
        }
        let stored = self.store.workflow(workflow).await?;
        let id = self.start(&stored, trigger, &input).await?;

        let deadline = Duration::from_secs(wait)
            .min(request.remaining().saturating_sub(Duration::from_secs(2)));
        if self.ended_within(&id, deadline).await? {
            return Answer::json(200, &self.store.run_view(&id).await?);
        }
        let path = format!("/runs/{id}");
        let answer = json!({
            "id": id,
            "workflowId": stored.id,
            "version": stored.version,
            "status": RunStatus::Running,
            "statusUrl": path,
        });
        Ok(Answer::json(202, &answer)?.location(path))
    }

    /// Records the run and starts its execution; gives the run's id.
    async fn start(
        &self,
        stored: &StoredWorkflow,
        trigger: &str,
        input: &Value,
    ) -> Result<String, Problem> {
        let workflow = Workflow::from_stored(&stored.definition).map_err(|_| {
            Problem::from(steps_runs::Error::Malformed {
                attribute: "definition",
            })
        })?;
        workflow.check_input(input).map_err(invalid_input)?;
        let credentials = self.credentials(&workflow).await?;
        let id = Uuid::now_v7().to_string();
        let started_at = Timestamp::now();
        let limit = i64::try_from(workflow.limits.timeout_seconds).unwrap_or(i64::MAX);
        self.store
            .begin_run(&NewRun {
                id: &id,
                workflow_id: &stored.id,
                version: stored.version,
                definition: &stored.definition,
                input,
                trigger,
                credentials: &credentials,
                started_at,
                deadline: started_at + SignedDuration::from_secs(limit),
                max_cost_usd: workflow.limits.max_cost_usd,
            })
            .await?;
        let execution = json!({
            "runId": id,
            "maxConcurrency": workflow.limits.max_concurrency,
            "levels": workflow.plan().levels,
        });
        if let Err(problem) = self.execute(&id, &execution).await {
            let ended = Ended {
                status: RunStatus::Failed,
                at: Timestamp::now(),
                error: Some(RunError {
                    problem: problem.clone(),
                    node: None,
                }),
            };
            self.store.end_run(&id, &ended).await?;
            return Err(problem);
        }
        tracing::info!(run = id, workflow = stored.id, trigger, "started");
        Ok(id)
    }

    async fn execute(&self, id: &str, execution: &Value) -> Result<(), Problem> {
        let started = self
            .step_functions
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(id)
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

    /// The id of the credential behind each reference in the document, as it is at this moment.
    async fn credentials(&self, workflow: &Workflow) -> Result<BTreeMap<String, String>, Problem> {
        let known = self.store.credentials().await?;
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

    async fn ended_within(&self, id: &str, wait: Duration) -> Result<bool, Problem> {
        let end = Instant::now() + wait;
        let mut pause = Duration::from_millis(100);
        while Instant::now() + pause < end {
            sleep(pause).await;
            if self.store.run_status(id).await? != RunStatus::Running {
                return Ok(true);
            }
            pause = (pause * 3 / 2).min(Duration::from_secs(1));
        }
        Ok(false)
    }
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
