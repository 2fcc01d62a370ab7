//! `GET` and `PUT /workflows/{id}/switch`, and the same of the whole stack at `/switch`: whether runs may start.

use jiff::Timestamp;
use steps_api::{SetSwitch, SwitchView};
use steps_key::redact;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::Switch;

use crate::app::App;

/// Most characters of a reason.
const LONGEST_REASON: usize = 500;

/// The workflow's switch, or the stack's where no workflow is named.
pub(crate) async fn get(app: &App, workflow: Option<&str>) -> Result<Answer, Problem> {
    let switches = app.store.switches();
    let switch = match workflow {
        Some(id) => {
            app.store.workflows().must_exist(id).await?;
            switches.of_workflow(id).await?
        }
        None => switches.of_stack().await?,
    };
    Answer::json(200, &SwitchView::from(switch))
}

/// Sets it. A start that has read the switch before goes on.
pub(crate) async fn put(
    app: &App,
    workflow: Option<&str>,
    request: &Request,
) -> Result<Answer, Problem> {
    let body: SetSwitch = request.json()?;
    let reason = body
        .reason
        .map(|reason| redact(&reason).chars().take(LONGEST_REASON).collect());
    let switch = Switch {
        enabled: body.enabled,
        reason,
        changed_at: Some(Timestamp::now()),
    };
    let switches = app.store.switches();
    match workflow {
        Some(id) => {
            app.store.workflows().must_exist(id).await?;
            switches.set_workflow(id, &switch).await?;
        }
        None => switches.set_stack(&switch).await?,
    }
    Answer::json(200, &SwitchView::from(switch))
}
