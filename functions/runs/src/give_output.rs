//! `PUT /runs/{id}/nodes/{node}/output`: gives a node that failed or waits its output by hand.

use jiff::Timestamp;
use steps_api::{GiveOutput, NodeView};
use steps_lambda::{Answer, Request};
use steps_lanes::{Offered, offer_again};
use steps_problem::Problem;
use steps_store::{ByHand, NodeStatus, Runs};
use steps_workflow::Workflow;

use crate::app::App;

/// Notes the output in the node's record, and lists the node for the lanes of its run: who takes it settles it. Where the run
/// has ended, a resume does.
pub(crate) async fn give_output(
    app: &App,
    id: &str,
    node: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let GiveOutput { output } = request.json()?;
    let run = app.store.runs().get(id).await?;
    Runs::check_texts(&run)?;
    let workflow = run.document(Workflow::from_stored)?;
    if workflow.node(node).is_none() {
        return Err(run.no_node(node).into());
    }
    let by = ByHand {
        principal: request.caller().principal.clone(),
        at: Timestamp::now(),
    };
    if !app.store.nodes().give(id, node, &output, &by).await? {
        return Err(refused(app, id, node).await?);
    }
    tracing::info!(run = id, node, principal = by.principal, "given by hand");
    let unit = [node.to_owned()];
    offer_again(&app.store, &app.executions, id, Offered::Units(&unit)).await?;
    Answer::json(200, &NodeView::read(&app.store, id, node).await?)
}

/// Why the node is not given an output.
async fn refused(app: &App, id: &str, node: &str) -> Result<Problem, Problem> {
    let record = app.store.nodes().get(id, node).await?;
    let why = match record.map(|record| (record.status, record.handled)) {
        None => "it has not begun".to_owned(),
        Some((NodeStatus::Running, _)) => "it is being worked on".to_owned(),
        Some((NodeStatus::Failed, true)) => {
            "it has failed and the run goes on without it, by its `onError`".to_owned()
        }
        Some((NodeStatus::Succeeded | NodeStatus::Skipped, _)) => "it is done".to_owned(),
        // It has changed since it was refused.
        Some(_) => "it was being worked on at this moment".to_owned(),
    };
    Ok(Problem::new(
        409,
        "NodeNotWaiting",
        "Node Not Waiting",
        format!("the node `{node}` neither waits nor has failed: {why}"),
    )
    .solution([
        format!("Look at the node: GET /runs/{id}/nodes/{node}"),
        "Only a node that failed, or that waits, is given its output".to_owned(),
    ]))
}
