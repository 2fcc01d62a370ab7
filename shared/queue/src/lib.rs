#![doc = include_str!("../README.md")]

use jiff::Timestamp;
use steps_executions::{ExecutionName, Executions};
use steps_lanes::begin_take;
use steps_problem::Problem;
use steps_store::{Ended, Error, RunStatus, Store, done, waited_too_long};
use steps_workflow::Workflow;

/// Lets in as many runs as there are places for, and starts them, unless the workflow or the stack is switched off. How many.
///
/// # Errors
/// What the table and Step Functions answer. What was not started is started by the next call, or by the sweep.
pub async fn start_waiting(
    store: &Store,
    executions: &Executions,
    workflow_id: &str,
) -> Result<usize, Problem> {
    let (workflow, stack) = store.switches().of_both(workflow_id).await?;
    if !workflow.enabled || !stack.enabled {
        // They wait until both are switched on.
        return Ok(0);
    }
    let mut started = 0;
    while let Some(place) = store.gates().next(workflow_id).await? {
        let name = ExecutionName::of_take(&place.run_id, place.execution);
        start_one(store, executions, &name).await?;
        tracing::info!(
            run = place.run_id,
            workflow = workflow_id,
            "waits no more, and is started"
        );
        started += 1;
    }
    Ok(started)
}

/// Starts the execution with which a take of a run begins that is RUNNING, where that was left undone.
///
/// # Errors
/// What the table and Step Functions answer.
pub async fn start_one(
    store: &Store,
    executions: &Executions,
    name: &ExecutionName<'_>,
) -> Result<(), Problem> {
    let (run, nodes) = store.nodes().of_run(name.run_id).await?;
    if run.status != RunStatus::Running || run.execution != name.take {
        return Ok(());
    }
    let workflow = run.document(Workflow::from_stored)?;
    let done = done(&nodes);
    begin_take(&store.lanes(), executions, name, &workflow, &done).await
}

/// Ends the runs that have waited too long. The ids of those that it has ended.
///
/// # Errors
/// What the table answers.
pub async fn end_overdue(store: &Store, workflow_id: &str) -> Result<Vec<String>, Error> {
    let mut ended = Vec::new();
    let now = Timestamp::now();
    for place in store.gates().overdue(workflow_id, now).await? {
        let end = Ended::now(place.execution, RunStatus::TimedOut, waited_too_long());
        if store.runs().end(&place.run_id, &end).await? {
            ended.push(place.run_id);
        }
    }
    Ok(ended)
}
