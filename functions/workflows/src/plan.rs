//! `GET /workflows/{id}/plan`: how a run of a workflow goes, and what it may cost.

use steps_api::WorkflowPlan;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_workflow::Workflow;

use crate::app::App;
use crate::get::version;

/// The plan of the newest version, or of the one that `?version=` names.
pub(crate) async fn plan(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let stored = version(app, id, request).await?;
    let workflow = stored.document(Workflow::from_stored)?;
    let list = app.catalogue.naming(workflow.models()).await?;
    let plan = WorkflowPlan::of(&stored, &workflow, list.as_deref());
    Answer::json(200, &plan)
}
