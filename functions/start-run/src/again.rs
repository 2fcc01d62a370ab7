//! Runs once more: `POST /runs/{id}/resume` goes on with the same run, `POST /runs/{id}/rerun` makes another one of it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use steps_lambda::{Request, invalid};
use steps_problem::{Fault, Problem};
use steps_runs::{NodeRecord, NodeStatus, RerunOf, Resume, Run, RunStatus, StoredWorkflow};
use steps_workflow::Workflow;

use crate::start::{
    Delivery, Reuse, StartRun, Started, conflict, credential_ids, deadline, stored_workflow,
    unfinished,
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResumeBody {
    /// The most that the run may spend in all, USD, as text.
    max_cost_usd: Option<Decimal>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RerunBody {
    /// The node from which on everything runs anew.
    from: Option<String>,
    /// Another input.
    input: Option<Value>,
    /// Another version of the workflow.
    version: Option<Version>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Version {
    Number(u64),
    Word(Newest),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Newest {
    Latest,
}

impl StartRun {
    /// Goes on with a run that ended without success, at the nodes that have no answer.
    pub(crate) async fn resume(&self, id: &str, request: &Request) -> Result<Started, Problem> {
        let body: ResumeBody = optional(request)?;
        let (run, nodes) = self.store.run_with_nodes(id).await?;
        match run.status {
            RunStatus::Failed | RunStatus::TimedOut | RunStatus::Aborted => {}
            RunStatus::Running => return self.repeated(run).await,
            RunStatus::Succeeded => {
                return Err(Problem::new(
                    409,
                    "RunSucceeded",
                    "Run Succeeded",
                    "the run has succeeded: there is nothing left to resume",
                )
                .solution(["Make another run of it with POST /runs/{id}/rerun"]));
            }
        }
        if let Some(most) = body.max_cost_usd
            && most < run.cost_usd
        {
            return Err(invalid(format!(
                "`maxCostUsd` of {most} USD is less than the {} USD that the run has spent",
                run.cost_usd
            )));
        }
        let workflow = stored_workflow(&run.definition)?;
        // A name may mean another credential by now: the user's correction.
        let known = self.store.credentials().await?;
        let credentials = credential_ids(&workflow, &known)?;
        let at = Timestamp::now();
        let resumed = self
            .store
            .resume_run(&Resume {
                run: &run,
                credentials: &credentials,
                at,
                deadline: deadline(&workflow, at),
                max_cost_usd: body.max_cost_usd,
                max_cost_usd_per_day: self.per_day(&run.workflow_id, &workflow).await?,
            })
            .await?;
        let Some(number) = resumed else {
            return self.repeated(run).await;
        };
        let plan = unfinished(&workflow, &nodes);
        self.execute(&run.id, number, &workflow, &plan).await?;
        self.note_use(&known, &credentials).await;
        tracing::info!(run = run.id, execution = number, "resumed");
        Ok(Started {
            run_id: run.id,
            workflow_id: run.workflow_id,
            repeated: false,
        })
    }

    /// The day's budget is the workflow's, not the run's: that of its newest version holds.
    async fn per_day(&self, id: &str, own: &Workflow) -> Result<Option<Decimal>, Problem> {
        let limits = match self.store.workflow(id).await {
            Ok(newest) => stored_workflow(&newest.definition)?.limits,
            // It has been deleted meanwhile.
            Err(steps_runs::Error::NotFound { .. }) => own.limits,
            Err(error) => return Err(error.into()),
        };
        Ok(limits.max_cost_usd_per_day)
    }

    /// It goes on already; the one who said so may not have come as far as starting its execution.
    async fn repeated(&self, run: Run) -> Result<Started, Problem> {
        self.start_if_left_unstarted(&run.id).await?;
        Ok(Started {
            run_id: run.id,
            workflow_id: run.workflow_id,
            repeated: true,
        })
    }

    /// Makes another run of a run: with `from`, the answers of the nodes that do not come after it are reused.
    pub(crate) async fn rerun(&self, id: &str, request: &Request) -> Result<Started, Problem> {
        let body: RerunBody = optional(request)?;
        let (run, nodes) = self.store.run_with_nodes(id).await?;
        let document = match body.version {
            Some(Version::Number(version)) => {
                self.store
                    .workflow_version(&run.workflow_id, version)
                    .await?
            }
            Some(Version::Word(Newest::Latest)) => self.store.workflow(&run.workflow_id).await?,
            None => StoredWorkflow {
                id: run.workflow_id.clone(),
                version: run.version,
                definition: run.definition.clone(),
                updated_at: String::new(),
            },
        };
        let before = stored_workflow(&run.definition)?;
        let workflow = stored_workflow(&document.definition)?;
        let reused = match &body.from {
            Some(from) => reusable(&before, &workflow, from)?,
            None => BTreeSet::new(),
        };
        let reuse = Reuse {
            nodes: nodes
                .values()
                .filter(|node| node.status == NodeStatus::Succeeded)
                .filter(|node| reused.contains(node.id.as_str()))
                .collect::<Vec<&NodeRecord>>(),
            of: RerunOf {
                run_id: run.id.clone(),
                from: body.from.clone(),
            },
        };
        let delivery = self.rerun_delivery(run, body.input, request)?;
        self.start_document(&document, &delivery, None, Some(&reuse))
            .await?
            .ok_or_else(|| conflict(&document.id))
    }

    fn rerun_delivery(
        &self,
        run: Run,
        input: Option<Value>,
        request: &Request,
    ) -> Result<Delivery, Problem> {
        let given = self.token_delivery(request, "rerun", Value::Null)?;
        Ok(Delivery {
            // Templates see what they saw before.
            trigger: run.trigger,
            identity: given.identity,
            callback_url: given.callback_url,
            input: input.unwrap_or(run.input),
        })
    }
}

/// The nodes whose answers hold for `workflow` too: those that do not come after `from`, are the same as they were in
/// the document `before`, and depend on such nodes only.
fn reusable<'w>(
    before: &Workflow,
    workflow: &'w Workflow,
    from: &str,
) -> Result<BTreeSet<&'w str>, Problem> {
    if workflow.node(from).is_none() {
        let names: Vec<&str> = workflow.nodes.iter().map(|node| node.id.as_str()).collect();
        return Err(
            invalid("the run cannot be repeated from there").faults(vec![Fault::at(
                "from",
                format!(
                    "the workflow has no node `{from}`; it has {}",
                    names.join(", ")
                ),
            )]),
        );
    }
    let changed = workflow
        .nodes
        .iter()
        .filter(|node| before.node(&node.id) != Some(node))
        .map(|node| node.id.as_str());
    let anew: BTreeSet<&str> = changed
        .chain([from])
        .flat_map(|id| workflow.from_node_on(id))
        .collect();
    Ok(workflow
        .nodes
        .iter()
        .map(|node| node.id.as_str())
        .filter(|id| !anew.contains(id))
        .collect())
}

fn optional<T: Default + serde::de::DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    if request.has_body() {
        request.json()
    } else {
        Ok(T::default())
    }
}
