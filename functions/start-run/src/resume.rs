//! `POST /runs/{id}/resume`: goes on with a run that ended without success.

use jiff::Timestamp;
use rust_decimal::Decimal;
use steps_api::ResumeRun;
use steps_lambda::{Request, invalid};
use steps_problem::Problem;
use steps_starts::{NotStarted, Room, Started, credential_ids, deadline};
use steps_store::{Entry, Error, Resume, Resumed, Run, RunStatus, Runs, done};
use steps_workflow::Workflow;

use crate::app::App;

/// How often a place is looked for where others want it at the same moment.
const TRIES: usize = 100;

/// Goes on with the run at the nodes that have no answer. A run that goes on already is answered as it is.
pub(crate) async fn resume(app: &App, id: &str, request: &Request) -> Result<Started, NotStarted> {
    let body: ResumeRun = request.json_or_default()?;
    let (run, nodes) = app.store.nodes().of_run(id).await?;
    match run.status {
        RunStatus::Failed | RunStatus::TimedOut | RunStatus::Aborted => {}
        RunStatus::Running | RunStatus::Queued => return Ok(repeated(app, run).await?),
        RunStatus::Succeeded => {
            let problem = Problem::new(
                409,
                "RunSucceeded",
                "Run Succeeded",
                "the run has succeeded: there is nothing left to resume",
            )
            .solution(["Make another run of it with POST /runs/{id}/rerun"]);
            return Err(problem.into());
        }
    }
    Runs::check_texts(&run)?;
    app.starts.check_switches(&run.workflow_id).await?;
    if let Some(most) = body.max_cost_usd
        && most < run.cost_usd
    {
        return Err(invalid(format!(
            "`maxCostUsd` of {most} USD is less than the {} USD that the run has spent",
            run.cost_usd
        ))
        .into());
    }
    let workflow = run.document(Workflow::from_stored)?;
    // Meanwhile the user may have given the name to another credential, to correct the failure.
    let known = app.store.credentials().list().await?;
    let credentials = credential_ids(&workflow, &known)?;
    let max_cost_usd_per_day = per_day(app, &run.workflow_id, &workflow).await?;
    let max_runs = workflow.limits.max_runs;
    let mut waits = None;
    let mut tries = 0;
    let number = loop {
        tries += 1;
        let at = Timestamp::now();
        let resume = Resume {
            run: &run,
            credentials: &credentials,
            at,
            deadline: deadline(&workflow, at),
            max_cost_usd: body.max_cost_usd,
            max_cost_usd_per_day,
            entry: max_runs.map(|max_runs| Entry {
                most: max_runs.count,
                waits,
            }),
        };
        match (app.store.runs().resume(&resume).await?, max_runs) {
            (Resumed::Next(number), _) => break number,
            (Resumed::Full(gate), Some(max_runs)) if tries < TRIES => {
                let room = app.starts.room(&run.workflow_id, &run.id, &max_runs, &gate);
                if room.await? == Room::Waits {
                    waits = Some(workflow.limits.timeout_seconds);
                }
            }
            (Resumed::Full(_), _) => return Err(Error::overtaken(&run.workflow_id).into()),
            (Resumed::Changed, _) => return Ok(repeated(app, run).await?),
        }
    };
    if waits.is_some() {
        app.starts.start_waiting(&run.workflow_id).await;
    } else {
        let done = done(&nodes);
        app.starts
            .execute(&run.id, number, &workflow, &done, None)
            .await?;
    }
    app.store.credentials().note_use(&known, &credentials).await;
    tracing::info!(run = run.id, execution = number, "resumed");
    Ok(Started {
        run_id: run.id,
        workflow_id: run.workflow_id,
        repeated: false,
        queued: waits.is_some(),
    })
}

/// The day's budget is the workflow's, not the run's: that of its newest version holds.
async fn per_day(app: &App, id: &str, own: &Workflow) -> Result<Option<Decimal>, Problem> {
    let limits = match app.store.workflows().get(id).await {
        Ok(newest) => newest.document(Workflow::from_stored)?.limits,
        // It has been deleted meanwhile.
        Err(steps_store::Error::NotFound { .. }) => own.limits,
        Err(error) => return Err(error.into()),
    };
    Ok(limits.max_cost_usd_per_day)
}

/// The answer for a run that goes on already. Whoever resumed it may have died before its execution was started, so it
/// is started here where there is none.
async fn repeated(app: &App, run: Run) -> Result<Started, Problem> {
    app.starts.start_if_left_unstarted(&run.id).await?;
    Ok(Started {
        run_id: run.id,
        workflow_id: run.workflow_id,
        repeated: true,
        queued: false,
    })
}
