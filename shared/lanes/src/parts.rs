//! The executions of a run's parts: the next one is started where a run is handed over, and all are stopped that go on where a
//! run is cancelled.

use steps_executions::{ExecutionName, Executions};
use steps_problem::Problem;
use steps_store::{Part, RunHead, Store};

/// How many of a run's last executions are stopped. An earlier one has lanes only that end a unit at hand.
const STOPPED: u32 = 10;

/// The name of the execution of this part of a run.
pub fn execution_of(run_id: &str, part: Part) -> ExecutionName<'_> {
    ExecutionName {
        run_id,
        take: part.take,
        part: part.number,
    }
}

/// Starts the execution of the part that a run is at, which was handed over. One that was started before is left as it is.
///
/// # Errors
/// What Step Functions answers.
pub async fn start_part(
    executions: &Executions,
    run_id: &str,
    head: &RunHead,
) -> Result<(), Problem> {
    let lanes = vec![None; usize::from(head.lanes)];
    let name = execution_of(run_id, head.part);
    Ok(executions.start(&name, &lanes).await?)
}

/// Stops the executions of a take of a run whose end is recorded: the one of the part that it is at, and those before that
/// may still have a unit in hand. `why` is kept with each.
///
/// # Errors
/// What the table and Step Functions answer.
pub async fn stop_executions(
    store: &Store,
    executions: &Executions,
    (run_id, take): (&str, u32),
    why: &str,
) -> Result<(), Problem> {
    // Since its end is recorded, nobody hands it over any more.
    let head = store.runs().head(run_id).await?;
    // Where somebody has resumed it meanwhile, its lanes end by themselves.
    let last = Some(head.part).filter(|part| part.take == take);
    let last = last.unwrap_or(Part::first(take));
    let first = last.number.saturating_sub(STOPPED - 1).max(1);
    for number in (first..=last.number).rev() {
        let name = execution_of(run_id, Part { number, ..last });
        executions.stop(&name, why).await?;
    }
    Ok(())
}
