//! The steps of a rotation. Secrets Manager may repeat any of them, so each looks first at what is there already.

use serde::Deserialize;
use steps_problem::Problem;

use crate::app::App;
use crate::{create, finish, set, test};

/// What Secrets Manager hands over.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Event {
    /// The secret's ARN.
    secret_id: String,
    /// The version that the rotation makes.
    client_request_token: String,
    step: Step,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

/// Does the step that Secrets Manager asks for.
pub(crate) async fn handle(app: &App, event: Event) -> Result<(), Problem> {
    let token = &event.client_request_token;
    let rotating = app.secrets.rotating(&event.secret_id, token).await?;
    match event.step {
        Step::Create => create::create(app, &rotating, token).await?,
        Step::Set => set::set(app, &rotating).await?,
        Step::Test => test::test(app, &rotating).await?,
        Step::Finish => finish::finish(app, rotating, token).await?,
    }
    tracing::info!(token, step = ?event.step, "done");
    Ok(())
}
