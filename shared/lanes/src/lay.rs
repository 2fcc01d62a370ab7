//! The beginning of a take of a run: what is ready is listed, and the lanes are told what they begin with.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use steps_executions::{ExecutionName, Executions};
use steps_problem::Problem;
use steps_store::{Error, Lanes};
use steps_workflow::{Plan, Workflow};

/// How many records are written at the same time.
const AT_ONCE: usize = 16;

/// Begins a take of a run whose other nodes are `done`: lists what is ready, and starts the execution of this name, whose
/// lanes begin with it. It can be done again, and while the run goes on.
///
/// # Errors
/// What the table and Step Functions answer.
pub async fn begin_take(
    lanes: &Lanes,
    executions: &Executions,
    name: &ExecutionName<'_>,
    workflow: &Workflow,
    done: &BTreeSet<&str>,
) -> Result<(), Problem> {
    let take = (name.run_id, name.take);
    let most = workflow.limits.max_concurrency;
    let first = lay(lanes, take, &workflow.plan(), |id| done.contains(id), most).await?;
    Ok(executions.start(name, &first).await?)
}

/// Writes down what is ready of a run whose other nodes are `done`, and gives for each lane the unit that it begins with.
/// At most `most` units are executed at once. It can be done again, and while the run goes on: it only adds what is missing.
///
/// # Errors
/// What the table answers.
pub async fn lay(
    lanes: &Lanes,
    (run_id, take): (&str, u32),
    plan: &Plan,
    done: impl Fn(&str) -> bool,
    most: u32,
) -> Result<Vec<Option<String>>, Error> {
    let settled = plan.nodes().iter().filter(|node| done(&node.id)).count();
    if settled > 0 {
        lanes.count_done(run_id, settled).await?;
    }
    let ready = plan.ready(&done);
    let count = plan.lanes(&done, most);
    let offers = ready.iter().enumerate().map(|(place, node)| {
        let lane = u8::try_from(place + 1).ok();
        let lane = lane.filter(|_| place < count);
        lanes.offer(run_id, take, (&node.id, node.rank), lane)
    });
    at_once(offers).await?;
    let begun = plan
        .nodes()
        .iter()
        .map(|node| (node, plan.done_needs(node, &done)));
    let waiting = begun.filter(|(node, needs)| !done(&node.id) && !needs.is_empty());
    at_once(waiting.map(|(node, needs)| async move {
        let told = lanes.tell(run_id, &node.id, needs).await?;
        // A function of an earlier take may have settled the last one since.
        if told.done == node.needs.len() {
            let unit = (node.id.as_str(), node.rank);
            lanes.offer(run_id, take, unit, None).await?;
        }
        Ok(())
    }))
    .await?;
    let mut ready = ready.into_iter().map(|node| node.id.clone());
    Ok((0..count).map(|_| ready.next()).collect())
}

async fn at_once(
    writes: impl Iterator<Item = impl Future<Output = Result<(), Error>>>,
) -> Result<(), Error> {
    stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}
